#include "http/stream.hpp"

#include <cerrno>
#include <new>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>

namespace msgstatus::receiver {

namespace asio = boost::asio;
using boost::system::error_code;

Stream::Stream(Socket socket, SSL_CTX *tls) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    if (tls == nullptr)
        return;
    ssl_.reset(SSL_new(tls));
    if (!ssl_ || SSL_set_fd(ssl_.get(), static_cast<int>(socket_.native_handle())) != 1)
        throw std::bad_alloc();
    SSL_set_accept_state(ssl_.get());
}

void Stream::handshake(error_code &ec) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    ec = result == 1 ? error_code() : tls_error(result, read_waits_for_);
    read_blocked_ = result != 1;
}

std::size_t Stream::read_some(asio::mutable_buffer buffer, error_code &ec) {
    if (!ssl_)
        return socket_.read_some(buffer, ec);
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
    ec = result == 1 ? error_code() : tls_error(result, read_waits_for_);
    read_blocked_ = result != 1;
    return size;
}

std::size_t Stream::write_some(asio::const_buffer buffer, error_code &ec) {
    if (!ssl_)
        return socket_.write_some(buffer, ec);
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_write_ex(ssl_.get(), buffer.data(), buffer.size(), &size);
    ec = result == 1 ? error_code() : tls_error(result, write_waits_for_);
    return size;
}

// tls_error does turn OpenSSL's error into one of Asio's.
error_code Stream::tls_error(int result, Socket::wait_type &waits_for) noexcept {
    const int system_error = errno;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        waits_for = Socket::wait_read;
        return asio::error::would_block;
    case SSL_ERROR_WANT_WRITE:
        waits_for = Socket::wait_write;
        return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
        return asio::error::eof;
    case SSL_ERROR_SYSCALL:
        if (system_error == 0)
            return asio::error::eof;
        return {system_error, boost::system::system_category()};
    default:
        return {static_cast<int>(ERR_get_error()), asio::error::get_ssl_category()};
    }
}

bool Stream::has_read_ahead() const noexcept {
    return ssl_ && !read_blocked_ && SSL_has_pending(ssl_.get()) == 1;
}

bool Stream::has_input() noexcept {
    error_code ignored;
    return has_read_ahead() || socket_.available(ignored) > 0;
}

void Stream::finish_writing(error_code &ec) {
    if (ssl_) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get()); // says goodbye; the answer to it is not waited for
    }
    socket_.shutdown(Socket::shutdown_send, ec);
}

void Stream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

} // namespace msgstatus::receiver
