#include "http/http_session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>

#include "access/forwarded_for.hpp"
#include "http/http_server.hpp"
#include "http/request_target.hpp"
#include "observe/log.hpp"
#include "config/units.hpp"

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t most_pipelined = 32;
constexpr std::size_t read_size = 8 * kibibyte;
constexpr std::size_t body_read_size = 64 * kibibyte;
constexpr std::size_t most_kept_buffer = 32 * kibibyte;
constexpr std::size_t most_unparsed = 16 * kibibyte;
constexpr std::size_t most_kept_output = 4 * kibibyte;
constexpr std::uint64_t largest_body_read_over = 64 * kibibyte; // a refused larger one costs the connection
constexpr std::size_t most_lingered = 16 * mebibyte;
constexpr std::chrono::seconds linger_time(2);

} // namespace

HttpSession::HttpSession(HttpServer &server, Stream stream, const Address &peer)
    : server_(server), stream_(std::move(stream)), peer_(peer) {}

void HttpSession::start() {
    enter(stream_.is_tls() ? Phase::handshake : Phase::idle);
    wait_to_read();
}

void HttpSession::enter(Phase phase) {
    phase_ = phase;
    const HttpLimits &limits = server_.limits();
    switch (phase) {
    case Phase::handshake:
        deadline_ = Clock::now() + limits.tls_handshake_timeout;
        break;
    case Phase::idle:
        deadline_ = Clock::now() + limits.idle_timeout;
        break;
    case Phase::header:
        deadline_ = Clock::now() + limits.header_timeout;
        break;
    case Phase::body:
    case Phase::writing:
        deadline_ = Clock::now() + limits.body_timeout;
        break;
    case Phase::answering: // the lanes see to it that it ends
        deadline_ = Clock::time_point::max();
        break;
    case Phase::lingering:
        deadline_ = Clock::now() + linger_time;
        break;
    }
}

void HttpSession::wait_to_read() {
    if (waiting_to_read_ || closed_ || peer_finished_)
        return;
    waiting_to_read_ = true;
    stream_.wait_to_read([self = shared_from_this()](error_code cancelled) {
        self->waiting_to_read_ = false;
        if (self->closed_ || cancelled)
            return;
        if (self->phase_ == Phase::handshake)
            self->shake_hands();
        else
            self->read();
    });
}

void HttpSession::shake_hands() {
    error_code ec;
    stream_.handshake(ec);
    if (ec && ec != asio::error::would_block) {
        server_.handshake_failed();
        close();
        return;
    }
    if (!ec)
        enter(Phase::idle);
    wait_to_read();
}

void HttpSession::read() {
    take_buffer();
    error_code ec;
    buffer_.commit(stream_.read_some(buffer_.prepare(phase_ == Phase::body ? body_read_size : read_size), ec));
    if (!ec && phase_ != Phase::lingering) {
        process();
        return;
    }
    if (phase_ == Phase::lingering) {
        lingered_ += buffer_.size();
        buffer_.consume(buffer_.size());
    }
    leave_buffer();
    if (ec == asio::error::eof) {
        peer_finished_ = true;
        if (phase_ == Phase::lingering || !is_answering())
            close(); // a request that is not complete will never be
    } else if ((ec && ec != asio::error::would_block) || lingered_ > most_lingered) {
        close();
    } else {
        wait_to_read();
    }
}

// Connections lend each other one buffer: mostly one needs it no longer than it takes to handle what has just come.
void HttpSession::take_buffer() {
    if (buffer_.capacity() == 0)
        swap(buffer_, server_.spare_buffer());
}

void HttpSession::leave_buffer() {
    if (buffer_.size() > 0)
        return;
    if (buffer_.capacity() > most_kept_buffer || server_.spare_buffer().capacity() > 0)
        buffer_.shrink_to_fit();
    else
        swap(buffer_, server_.spare_buffer());
}

bool HttpSession::may_parse() const noexcept {
    return !closed_ && !last_request_seen_ && !writing_ && slots_.size() < most_pipelined && buffer_.size() > 0;
}

void HttpSession::process() {
    bool needs_more = false;
    do {
        processing_ = true; // answers that come at once are written together below
        while (!needs_more && may_parse())
            needs_more = !parse_some();
        processing_ = false;
        flush(); // which may make room for more requests
    } while (!needs_more && may_parse());
    leave_buffer();
    if (closed_ || last_request_seen_ || writing_ || slots_.size() >= most_pipelined)
        return; // reading goes on when answers have gone out
    wait_to_read();
}

std::string_view HttpSession::unparsed() const noexcept {
    const auto bytes = buffer_.data();
    return {static_cast<const char *>(bytes.data()), bytes.size()};
}

// parse_some does take what the buffer holds of one request; false if it needs more.
bool HttpSession::parse_some() {
    if (!parser_) {
        // RFC 9112, section 2.2: ignore empty lines before a request.
        constexpr std::string_view empty_line = "\r\n";
        const std::string_view come = unparsed();
        if (empty_line.starts_with(come.substr(0, empty_line.size()))) {
            buffer_.consume(come.size() < empty_line.size() ? 0 : empty_line.size());
            return come.size() >= empty_line.size();
        }
        request_.id = server_.request_ids().next();
        request_started_ = Clock::now();
        refusal_.reset();
        head_checked_ = false;
        route_ = RequestHandler::no_route;
        parser_.emplace(request_, server_.budget(), server_.limits().body_limit);
        head_lines_ = {};
        enter(Phase::header);
    }
    error_code ec;
    if (!parser_->is_header_done() && !head_lines_.check(unparsed())) {
        refuse_malformed(http::error::bad_line_ending);
        return false;
    }
    const std::size_t parsed = parser_->put(buffer_.data(), ec);
    head_lines_.parsed(parsed);
    buffer_.consume(parsed);
    if (ec == http::error::need_more) {
        // What is left of a body is the beginning of a line between chunks, or of the trailer. Beast does not bound
        // them, and would wait for the right line end.
        if (head_checked_ && (buffer_.size() > most_unparsed || has_bare_line_feed(unparsed())))
            refuse_malformed(http::error::bad_chunk_extension);
        return false;
    }
    if (ec) {
        refuse_malformed(ec);
        return false;
    }
    if (!head_checked_ && parser_->is_header_done())
        check_head();
    if (!last_request_seen_ && parser_ && parser_->is_done())
        finish_request();
    return true;
}

// judge_head does tell whether the request is refused before its body is read.
std::optional<Answer> HttpSession::judge_head() {
    if (is_request_id(request_.proxy_id) && server_.limits().trusted_proxies.contains(peer_))
        request_.id = request_.proxy_id;
    request_.client = client_address(peer_, request_.forwarded_for, server_.limits().trusted_proxies);
    if (const auto problem = resolve_target(request_)) {
        Answer refusal = error_answer(400, *problem);
        refusal.close = true; // who reads a request in two ways reads the next one so, too
        return refusal;
    }
    if (request_.expects_other)
        return error_answer(417, "the only expectation understood is 100-continue");
    return server_.handler().check_head(request_, route_);
}

void HttpSession::check_head() {
    head_checked_ = true;
    parser_->eager(true);
    refusal_ = judge_head();
    if (refusal_ && refusal_->close) {
        refuse_and_close(std::move(*refusal_));
        return;
    }
    if (parser_->is_done())
        return;
    if (refusal_) {
        const auto length = parser_->content_length();
        if (request_.expects_continue || !length || *length > largest_body_read_over)
            refuse_and_close(std::move(*refusal_));
        else
            parser_->discard_body();
    } else if (request_.expects_continue && request_.version == 11 && buffer_.size() == 0) {
        const std::uint64_t number = push_slot(true);
        slots_.back().route = RequestHandler::no_route;
        Answer go_on;
        go_on.status = 100;
        answer(number, std::move(go_on));
    }
    if (parser_)
        enter(Phase::body);
}

void HttpSession::refuse_malformed(error_code ec) {
    if (ec == http::error::body_limit) {
        std::optional<Answer> refusal;
        if (!head_checked_)
            refusal = judge_head(); // no such route is the better answer
        const std::string message = "the body is larger than " + std::to_string(server_.limits().body_limit) + " bytes";
        refuse_and_close(refusal ? std::move(*refusal) : error_answer(413, message));
    } else if (ec == http::error::header_limit && !head_checked_) { // else of a trailer
        refuse_and_close(error_answer(431, "the header is too large"));
    } else if (parser_->over_budget()) {
        refuse_and_close(unavailable_answer("too many bodies in memory; try again later"));
    } else if (ec == http::error::bad_version) {
        refuse_and_close(error_answer(505, "only HTTP/1.0 and HTTP/1.1 are understood"));
    } else {
        refuse_and_close(error_answer(400, "malformed request: " + ec.message()));
    }
}

// refuse_and_close does answer a request of which not all was read, after which the connection cannot go on.
void HttpSession::refuse_and_close(Answer &&refusal) {
    const std::uint64_t number = push_slot(false);
    parser_.reset();
    request_.body.reset();
    answer(number, std::move(refusal));
}

void HttpSession::finish_request() {
    const std::uint64_t number = push_slot(parser_->keep_alive());
    const std::uint8_t route = route_;
    parser_.reset();
    enter(Phase::answering);
    if (refusal_)
        answer(number, std::move(*refusal_));
    else
        server_.handler().handle(request_, route, AnswerTo{shared_from_this(), number});
    request_.clear();
}

std::uint64_t HttpSession::push_slot(bool keep_alive) {
    Slot &slot = slots_.emplace_back();
    slot.route = route_;
    slot.version = static_cast<std::uint8_t>(request_.version);
    slot.keep_alive = keep_alive;
    slot.head = request_.method == http::verb::head;
    slot.started = request_started_;
    slot.answer_due = Clock::now() + server_.limits().request_timeout;
    slot.client = request_.client;
    slot.request_id = request_.id;
    last_request_seen_ = last_request_seen_ || !keep_alive;
    return first_slot_ + slots_.size() - 1;
}

void HttpSession::answer(std::uint64_t number, Answer &&answer) {
    if (closed_ || number < first_slot_)
        return; // the client has gone, or was told that it took too long
    Slot &slot = slots_[static_cast<std::size_t>(number - first_slot_)];
    slot.answer = std::move(answer);
    slot.ready = true;
    if (processing_)
        return; // process() flushes
    flush();
    if (!closed_ && !writing_ && !waiting_to_read_ && !last_request_seen_)
        process(); // which had stopped for the answers outstanding
}

void HttpSession::write_ready_answers() {
    while (!slots_.empty() && slots_.front().ready) {
        Slot &slot = slots_.front();
        if (slot.answer.status == 100) {
            out_.append("HTTP/1.1 100 Continue\r\n\r\n");
        } else {
            const bool last_of_drain = draining_ && slots_.size() == 1 && !parser_ && buffer_.size() == 0;
            const bool keep_alive = slot.keep_alive && !slot.answer.close && !last_of_drain;
            append_answer(out_, slot.answer,
                          {keep_alive, slot.head, slot.version, server_.date_header(), slot.request_id});
            server_.handler().answered({slot.route, slot.answer.status, Clock::now() - slot.started, slot.request_id,
                                        slot.client, slot.answer.text()});
            last_request_seen_ = last_request_seen_ || !keep_alive;
        }
        slots_.pop_front();
        ++first_slot_;
    }
}

void HttpSession::flush() {
    if (closed_ || phase_ == Phase::lingering)
        return;
    write_ready_answers();
    if (writing_)
        return;
    while (out_sent_ < out_.size()) {
        // Answers are short and the socket mostly has room: written at once, without a round through the reactor.
        error_code ec;
        out_sent_ += stream_.write_some(asio::buffer(out_) + out_sent_, ec);
        if (ec == asio::error::would_block) {
            wait_to_write();
            return;
        }
        if (ec) {
            close();
            return;
        }
    }
    out_.clear();
    out_sent_ = 0;
    after_flush();
}

void HttpSession::wait_to_write() {
    writing_ = true;
    enter(Phase::writing);
    stream_.wait_to_write([self = shared_from_this()](error_code cancelled) {
        self->writing_ = false;
        if (self->closed_ || cancelled)
            return;
        self->flush();
        if (!self->closed_ && !self->writing_)
            self->process(); // which had stopped for it
    });
}

// after_flush does decide how the connection goes on when everything there was to say is said.
void HttpSession::after_flush() {
    if (!slots_.empty()) {
        if (phase_ == Phase::writing)
            enter(Phase::answering);
        return;
    }
    const bool requests_wait = buffer_.size() > 0 && !last_request_seen_ && !parser_;
    if (last_request_seen_ || (draining_ && !parser_ && !requests_wait)) {
        linger();
    } else if (peer_finished_ && !requests_wait) {
        close();
    } else if (parser_) {
        if (phase_ == Phase::writing)
            enter(parser_->is_header_done() ? Phase::body : Phase::header);
    } else if (phase_ != Phase::idle) {
        enter(Phase::idle);
        if (out_.capacity() > most_kept_output)
            std::string().swap(out_);
    }
}

// linger does close our half and reads over what still comes, so that the last answer is not lost to a reset
// (RFC 9112, section 9.6).
void HttpSession::linger() {
    last_request_seen_ = true;
    if (peer_finished_) {
        close();
        return;
    }
    enter(Phase::lingering);
    buffer_.consume(buffer_.size());
    error_code ec;
    stream_.finish_writing(ec);
    if (ec)
        close();
    else
        wait_to_read();
}

void HttpSession::sweep(Clock::time_point now) {
    while (!slots_.empty() && !slots_.front().ready && now >= slots_.front().answer_due)
        answer(first_slot_, unavailable_answer("the answer took too long; try again later"));
    if (now < deadline_)
        return;
    if ((phase_ == Phase::header || phase_ == Phase::body) && !last_request_seen_) {
        refuse_and_close(error_answer(408, "the request took too long to arrive"));
        return;
    }
    if (phase_ == Phase::handshake)
        server_.handshake_failed();
    close();
}

void HttpSession::drain() {
    draining_ = true;
    if (phase_ == Phase::handshake)
        close();
    else if (!is_answering() && !parser_ && phase_ != Phase::lingering && buffer_.size() == 0 && !stream_.has_input())
        linger();
}

void HttpSession::close() {
    if (closed_)
        return;
    closed_ = true;
    stream_.close();
    slots_.clear();
    request_.body.reset();
    server_.forget(shared_from_this());
}

} // namespace msgstatus::receiver
