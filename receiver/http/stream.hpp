// The bytes of one connection, plain or through TLS, behind one face.
#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <openssl/ssl.h>

#include "http/net.hpp"

namespace msgstatus::receiver {

/// Stream does read and write without ever waiting: what cannot be done now ends in error `would_block`, and
/// wait_to_read or wait_to_write tell when to try again. So a connection needs memory for what it reads only while
/// there is something to read.
///
/// TLS is OpenSSL's, on the socket itself: Boost.Asio's ssl::stream keeps 70 kB of buffers for each connection.
class Stream {
public:
    using error_code = boost::system::error_code;

    /// @param tls  what to speak TLS with; null for a plain stream
    /// @throws std::bad_alloc
    Stream(Socket socket, SSL_CTX *tls);

    bool is_tls() const noexcept { return ssl_ != nullptr; }

    /// handshake does go on with the TLS handshake; nothing may be read or written before it is through.
    void handshake(error_code &ec);

    /// read_some does read what there is, at most so much; error `eof` when the other side has nothing more to say.
    std::size_t read_some(boost::asio::mutable_buffer buffer, error_code &ec);

    /// write_some does write what there is room for. After `would_block` it must be called with the same bytes again.
    std::size_t write_some(boost::asio::const_buffer buffer, error_code &ec);

    /// wait_to_read does call the handler when it makes sense to read (or to go on with the handshake).
    template <class Handler>
    void wait_to_read(Handler &&handler) {
        if (has_read_ahead())
            boost::asio::post(socket_.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
                handler(error_code()); // the socket does not know of what OpenSSL has taken from it
            });
        else
            socket_.async_wait(read_waits_for_, std::forward<Handler>(handler));
    }

    /// wait_to_write does call the handler when it makes sense to write again.
    template <class Handler>
    void wait_to_write(Handler &&handler) {
        socket_.async_wait(write_waits_for_, std::forward<Handler>(handler));
    }

    /// has_input does tell whether bytes have come that nobody has read.
    bool has_input() noexcept;

    /// finish_writing does tell the other side that no more will come.
    void finish_writing(error_code &ec);

    /// close does end the connection at once; handlers that wait are called with `operation_aborted`.
    void close() noexcept;

private:
    struct FreeSsl {
        void operator()(SSL *ssl) const noexcept { SSL_free(ssl); }
    };

    bool has_read_ahead() const noexcept;
    error_code tls_error(int result, Socket::wait_type &waits_for) noexcept;

    Socket socket_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    Socket::wait_type read_waits_for_ = Socket::wait_read;
    Socket::wait_type write_waits_for_ = Socket::wait_write;
    bool read_blocked_ = true; ///< what OpenSSL holds, if anything, is no whole record
};

} // namespace msgstatus::receiver
