// One HTTP connection.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "http/request.hpp"
#include "http/tls_context.hpp"

namespace msgstatus::receiver {

class Server;
class Session;

/// The connections of a server, in the order in which they last began to wait for a request.
using Sessions = std::list<std::shared_ptr<Session>>;

/// Session serves the requests of one connection, one at a time, in a coroutine. What a client sends before its answer
/// stays in the buffers of the system, so answers come in the order of the requests.
///
/// Times are kept without a timer for each operation: the server calls sweep() a few times a second.
class Session : public AnswerSink, public std::enable_shared_from_this<Session> {
public:
    /// @param peer  who is at the other end: the client, or a proxy
    /// @param tls   null: plain
    Session(Server &server, Socket socket, const Address &peer, std::shared_ptr<TlsContext> tls);

    /// @param place  among the connections of the server
    void start(Sessions::iterator place);
    const Address &peer() const noexcept { return peer_; }
    void answer(std::uint64_t number, Answer &&answer) override;
    void when_left(std::uint64_t number, std::function<void()> then) override;
    bool awaits(std::uint64_t number) override;

    /// Returns whether it keeps the server waiting: for a whole request, for its answer to be read, or for the end.
    bool can_make_room(Clock::time_point now);

    /// Ends what has taken too long.
    void sweep(Clock::time_point now);

    /// Closes the connection as soon as the request that came is answered.
    void drain();

    /// Closes the connection at once.
    void close();

private:
    enum class Phase : std::uint8_t { handshake, idle, header, body, answering, writing, lingering };
    using TlsStream = boost::asio::ssl::stream<Socket &>;

    Awaitable<> run();
    Awaitable<bool> shake_hands();
    Awaitable<bool> serve_request();
    Awaitable<std::optional<Answer>> read_head();
    Awaitable<std::optional<Answer>> read_body(std::optional<Answer> refusal);
    Awaitable<Answer> ask_handler();
    Awaitable<bool> fill(std::size_t most);
    Awaitable<bool> write(std::string_view bytes);
    Awaitable<bool> write_pieces(std::shared_ptr<BodySource> source, bool chunked);
    Awaitable<> linger();
    std::optional<Answer> parse_head();
    std::optional<Answer> judge_head();
    Answer malformed(const error_code &ec) const;
    bool has_input();
    bool has_left();
    void enter(Phase phase, std::chrono::milliseconds time);
    std::string_view unparsed() const noexcept;

    Server &server_;
    Socket socket_;
    std::shared_ptr<TlsContext> tls_context_;
    std::optional<TlsStream> tls_;
    Address peer_;
    Sessions::iterator place_;
    boost::beast::flat_buffer buffer_;
    std::optional<RequestParser> parser_;
    Request request_;
    std::optional<Answer> answer_;
    Event answered_;
    std::function<void()> when_left_; ///< of the request that is being answered
    std::uint64_t number_ = 0;        ///< of the request whose answer is awaited
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point started_; ///< when the first byte of the request was seen
    Phase phase_;
    bool timed_out_ = false;
    bool body_expected_ = false; ///< the client waits for 100 Continue
    bool draining_ = false;
    bool closed_ = false;
};

} // namespace msgstatus::receiver
