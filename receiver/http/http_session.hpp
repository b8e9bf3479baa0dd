// One HTTP connection.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>

#include "http/head_lines.hpp"
#include "http/net.hpp"
#include "http/request_handler.hpp"
#include "http/request_parser.hpp"
#include "http/stream.hpp"

namespace msgstatus::receiver {

class HttpServer;

/// HttpSession does read requests, also pipelined ones, hands them to the handler and writes the answers in the order
/// of the requests. It reads no further while too many answers are outstanding or the client does not take them.
///
/// Times are kept without a timer for each connection: the server calls sweep() a few times a second. A connection
/// without a request has no buffer.
class HttpSession : public AnswerSink, public std::enable_shared_from_this<HttpSession> {
public:
    /// @param peer  who is at the other end: the client, or a proxy
    HttpSession(HttpServer &server, Stream stream, const Address &peer = {});

    void start();
    const Address &peer() const noexcept { return peer_; }
    void answer(std::uint64_t number, Answer &&answer) override;

    /// sweep does end what has taken too long.
    void sweep(Clock::time_point now);

    /// drain does close the connection as soon as every request that came is answered.
    void drain();

    /// close does close the connection at once.
    void close();

    /// is_answering does tell whether requests of this connection wait for their answer.
    bool is_answering() const noexcept { return !slots_.empty() || !out_.empty(); }

private:
    /// A request that waits for its answer, or an answer that waits for its turn.
    struct Slot {
        std::uint8_t route = 0;
        std::uint8_t version = 11;
        bool keep_alive = true;
        bool head = false;
        bool ready = false;
        Clock::time_point started;
        Clock::time_point answer_due;
        Address client;
        std::string request_id;
        Answer answer;
    };
    enum class Phase : std::uint8_t { handshake, idle, header, body, answering, writing, lingering };

    void wait_to_read();
    void shake_hands();
    void read();
    void take_buffer();
    void leave_buffer();
    void process();
    bool may_parse() const noexcept;
    std::string_view unparsed() const noexcept;
    bool parse_some();
    std::optional<Answer> judge_head();
    void check_head();
    void refuse_malformed(boost::system::error_code ec);
    void finish_request();
    std::uint64_t push_slot(bool keep_alive);
    void refuse_and_close(Answer &&answer);
    void write_ready_answers();
    void flush();
    void wait_to_write();
    void after_flush();
    void linger();
    void enter(Phase phase);

    HttpServer &server_;
    Stream stream_;
    Address peer_;
    boost::beast::flat_buffer buffer_;
    Request request_;
    std::optional<RequestParser> parser_;
    HeadLines head_lines_;
    std::optional<Answer> refusal_; ///< of the request whose body is being read over
    std::deque<Slot> slots_;
    std::uint64_t first_slot_ = 0; ///< number of slots_.front()
    std::string out_;              ///< to be written, from out_sent_ on
    std::size_t out_sent_ = 0;
    std::size_t lingered_ = 0;
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point request_started_; ///< when the first byte of the request being read was seen
    Phase phase_ = Phase::idle;
    std::uint8_t route_ = RequestHandler::no_route;
    bool head_checked_ = false;
    bool waiting_to_read_ = false;
    bool writing_ = false;
    bool processing_ = false;
    bool last_request_seen_ = false; ///< nothing after it is read
    bool peer_finished_ = false;     ///< the client has closed its half
    bool draining_ = false;
    bool closed_ = false;
};

} // namespace msgstatus::receiver
