#include "http/session.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <poll.h>

#include "base/text_codec.hpp"
#include "http/server.hpp"

namespace msgstatus::receiver {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t read_size = 4 * kibibyte;
constexpr std::size_t body_read_size = 16 * kibibyte;
constexpr std::size_t most_kept_buffer = 4 * kibibyte;
constexpr std::size_t most_head = 16 * kibibyte;
constexpr std::size_t most_unparsed = 16 * kibibyte;
constexpr std::uint64_t largest_body_read_over = 64 * kibibyte; // a refused larger one costs the connection
constexpr std::size_t most_lingered = 16 * mebibyte;
constexpr std::chrono::seconds linger_time(2);
constexpr std::chrono::hours source_time(24);            // a source keeps its own time
constexpr std::chrono::seconds patience_with_readers(1); // of their answers, while others wait for the place

Answer closing(Answer answer) {
    answer.close = true;
    return answer;
}

} // namespace

Session::Session(Server &server, Socket socket, const Address &peer, std::shared_ptr<TlsContext> tls)
    : server_(server), socket_(std::move(socket)), tls_context_(std::move(tls)), peer_(peer),
      answered_(socket_.get_executor()), phase_(tls_context_ ? Phase::handshake : Phase::idle) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (tls_context_)
        tls_.emplace(socket_, tls_context_->context());
}

void Session::start(Sessions::iterator place) {
    place_ = place;
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this()] { return self->run(); }, asio::detached);
}

Awaitable<> Session::run() {
    // GCC 12 makes no code of a co_await within a condition that has other parts, so each stands alone.
    bool goes_on = true;
    try {
        if (tls_)
            goes_on = co_await shake_hands();
        while (goes_on)
            goes_on = co_await serve_request();
    } catch (const std::exception &) { // no memory: the connection goes, its place and its count do not stay
        server_.failed();
    }
    close();
    server_.forget(place_);
}

// Begins a phase that may take so long.
void Session::enter(Phase phase, std::chrono::milliseconds time) {
    phase_ = phase;
    timed_out_ = false;
    deadline_ = Clock::now() + time;
    if (phase == Phase::idle)
        server_.sessions().splice(server_.sessions().end(), server_.sessions(), place_);
}

Awaitable<bool> Session::shake_hands() {
    enter(Phase::handshake, server_.limits().tls_handshake_timeout);
    error_code ec;
    co_await tls_->async_handshake(asio::ssl::stream_base::server, awaiting(ec));
    if (ec && !closed_)
        server_.handshake_failed();
    co_return !ec;
}

// Reads what has come; false if nothing more will, or not in time.
Awaitable<bool> Session::fill(std::size_t most) {
    if (timed_out_ || closed_)
        co_return false;
    error_code ec;
    std::size_t size = 0;
    const auto room = buffer_.prepare(most);
    if (tls_)
        size = co_await tls_->async_read_some(room, awaiting(ec));
    else
        size = co_await socket_.async_read_some(room, awaiting(ec));
    buffer_.commit(size);
    co_return !ec;
}

Awaitable<bool> Session::write(std::string_view bytes) {
    error_code ec;
    if (tls_)
        co_await asio::async_write(*tls_, asio::buffer(bytes), awaiting(ec));
    else
        co_await asio::async_write(socket_, asio::buffer(bytes), awaiting(ec));
    co_return !ec;
}

// Sends a body as it is made; false if it is not whole.
Awaitable<bool> Session::write_pieces(std::shared_ptr<BodySource> source, bool chunked) {
    bool written = true;
    for (std::string piece = "x"; written && !piece.empty();) {
        enter(Phase::answering, source_time);
        try {
            piece = co_await source->next();
        } catch (const std::exception &) {
            co_return false; // without its end, so that nobody takes the body for whole
        }
        std::array<char, 24> size{};
        std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
        const std::string bytes = chunked ? size.data() + piece + "\r\n" : piece;
        enter(Phase::writing, server_.limits().body_timeout);
        written = co_await write(bytes);
    }
    co_return written;
}

std::string_view Session::unparsed() const noexcept {
    const auto bytes = buffer_.data();
    return {static_cast<const char *>(bytes.data()), bytes.size()};
}

// Returns whether bytes have come that nobody has read.
bool Session::has_input() {
    error_code ignored;
    return buffer_.size() > 0 || socket_.available(ignored) > 0 ||
           (tls_ && SSL_has_pending(tls_->native_handle()) == 1);
}

// Returns whether the client has closed its half of the connection, whatever it has sent before.
bool Session::has_left() {
    pollfd socket{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
    return poll(&socket, 1, 0) > 0;
}

// Serves one request; false if it was the last one.
Awaitable<bool> Session::serve_request() {
    parser_.reset();
    request_ = {};
    if (buffer_.size() == 0 && buffer_.capacity() > most_kept_buffer)
        buffer_.shrink_to_fit();
    std::optional<Answer> answer = co_await read_head();
    if (phase_ == Phase::idle) { // without a request there is nothing to answer
        co_await linger();
        co_return false;
    }
    if (parser_ && parser_->is_header_done() && !(answer && answer->close))
        answer = co_await read_body(std::move(answer));
    const bool whole = parser_ && parser_->is_done();
    if (closed_ || (!whole && !answer))
        co_return false; // a request that is not complete will never be
    if (!answer)
        answer = co_await ask_handler();
    server_.handler().complete(request_, *answer);
    const bool is_pieces = answer->source != nullptr && request_.method != http::verb::head;
    const bool chunked = request_.version == 11;
    const bool keep_alive = whole && parser_->keep_alive() && !answer->close && !(draining_ && !has_input()) &&
                            (answer->source == nullptr || chunked);
    const std::string bytes = answer_bytes(*answer, request_, keep_alive);
    server_.handler().answered(request_, *answer, Clock::now() - started_);
    request_.body.reset();
    parser_.reset(); // its memory is not needed while the client takes its time
    enter(Phase::writing, server_.limits().body_timeout);
    bool written = co_await write(bytes);
    if (written && is_pieces)
        written = co_await write_pieces(std::move(answer->source), chunked);
    if (written && !keep_alive)
        co_await linger();
    co_return written &&keep_alive;
}

// Reads the head and returns the answer if the request is refused already.
Awaitable<std::optional<Answer>> Session::read_head() {
    enter(Phase::idle, server_.limits().idle_timeout);
    HeadLines lines;
    while (true) {
        while (phase_ == Phase::idle && unparsed().starts_with("\r\n"))
            buffer_.consume(2); // RFC 9112, section 2.2: ignore empty lines before a request
        if (phase_ == Phase::idle && !unparsed().empty() && unparsed() != "\r") {
            enter(Phase::header, server_.limits().header_timeout);
            started_ = Clock::now();
            request_.id = server_.next_request_id();
            request_.client = peer_;
        }
        if (phase_ == Phase::header && !lines.check(unparsed()))
            co_return malformed(http::error::bad_line_ending);
        if (std::max(lines.size(), lines.is_complete() ? 0 : buffer_.size()) > most_head)
            co_return malformed(http::error::header_limit);
        if (lines.is_complete())
            co_return parse_head();
        if (phase_ == Phase::idle && draining_ && !has_input())
            co_return std::nullopt;
        const bool more = co_await fill(read_size);
        if (!more && phase_ == Phase::header && timed_out_)
            co_return error_answer(408, "the request took too long to arrive");
        if (!more)
            co_return std::nullopt;
    }
}

// Parses the head that is in the buffer and returns the answer if the request is refused before its body is read.
std::optional<Answer> Session::parse_head() {
    parser_.emplace();
    parser_->header_limit(most_head);
    parser_->body_limit(server_.limits().body_limit);
    BudgetBody::value_type &body = parser_->get().body();
    body.budget = &server_.budget();
    body.limit = server_.limits().body_limit;
    error_code ec;
    buffer_.consume(parser_->put(buffer_.data(), ec));
    if (ec && ec != http::error::body_limit)
        return malformed(ec);
    std::optional<Answer> refusal = judge_head();
    return ec ? closing(refusal ? std::move(*refusal) : malformed(ec)) : std::move(refusal);
}

std::optional<Answer> Session::judge_head() {
    const RequestParser::value_type &head = parser_->get();
    // Whoever reads a request in two ways reads the next one so, too: the connection ends.
    if (const auto problem = read_fields(head, request_))
        return closing(error_answer(400, "malformed request: " + std::string(*problem)));
    const AddressList &proxies = server_.limits().trusted_proxies;
    request_.through_proxy = proxies.contains(peer_);
    if (request_.through_proxy) {
        request_.client = client_address(peer_, joined_values(head, "X-Forwarded-For"), proxies);
        const auto proxy_id = head["X-Request-Id"];
        if (is_request_id({proxy_id.data(), proxy_id.size()}))
            request_.id.assign(proxy_id.data(), proxy_id.size());
    }
    if (const auto problem = resolve_target(request_))
        return closing(error_answer(400, *problem));
    server_.handler().note_headers(head, request_);
    const auto expected = head[http::field::expect];
    body_expected_ = equals_ignoring_case({expected.data(), expected.size()}, "100-continue");
    if (!expected.empty() && !body_expected_)
        return error_answer(417, "the only expectation understood is 100-continue");
    return server_.handler().check_head(request_);
}

// Reads the body, or over it if the request is refused, and returns the answer if it is.
Awaitable<std::optional<Answer>> Session::read_body(std::optional<Answer> refusal) {
    BudgetBody::value_type &body = parser_->get().body();
    body.discard = refusal.has_value();
    if (refusal && !parser_->is_done()) {
        const auto length = parser_->content_length();
        if (body_expected_ || !length || *length > largest_body_read_over)
            co_return refusal;
    } else if (body_expected_ && request_.version == 11 && buffer_.size() == 0 && !parser_->is_done()) {
        const bool written = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
        if (!written)
            co_return std::nullopt;
    }
    if (!parser_->is_done())
        enter(Phase::body, server_.limits().body_timeout);
    parser_->eager(true);
    for (bool needs_more = false; !parser_->is_done();) {
        bool more = true;
        if (needs_more || buffer_.size() == 0)
            more = co_await fill(body_read_size);
        if (!more && timed_out_)
            co_return error_answer(408, "the request took too long to arrive");
        if (!more)
            co_return std::nullopt;
        error_code ec;
        const std::string_view come = unparsed();
        body.pieces.clear();
        const std::size_t parsed = parser_->put(buffer_.data(), ec);
        needs_more = ec == http::error::need_more;
        // What Beast leaves then is the beginning of a line between chunks, or of the trailer. It does not bound them,
        // and would wait for the right line end.
        if (parser_->chunked() && !has_good_lines(needs_more ? come : come.substr(0, parsed), body.pieces))
            co_return malformed(http::error::bad_chunk_extension);
        buffer_.consume(parsed);
        if (needs_more && buffer_.size() > most_unparsed)
            co_return malformed(http::error::bad_chunk_extension);
        if (ec && !needs_more)
            co_return malformed(ec);
    }
    request_.body = std::move(body.body);
    co_return refusal;
}

// Returns the answer to a request after which the connection cannot go on.
Answer Session::malformed(const error_code &ec) const {
    if (ec == http::error::body_limit)
        return closing(
            error_answer(413, "the body is larger than " + std::to_string(server_.limits().body_limit) + " bytes"));
    if (ec == http::error::header_limit && phase_ == Phase::header) // else of a trailer
        return closing(error_answer(431, "the header is too large"));
    if (parser_ && parser_->get().body().over_budget)
        return closing(unavailable_answer("memory", "too many bodies in memory; try again later"));
    if (ec == http::error::bad_version)
        return closing(error_answer(505, "only HTTP/1.0 and HTTP/1.1 are understood"));
    return closing(error_answer(400, "malformed request: " + ec.message()));
}

Awaitable<Answer> Session::ask_handler() {
    enter(Phase::answering, server_.limits().request_timeout);
    answer_.reset();
    try {
        server_.handler().handle(request_, {shared_from_this(), number_});
    } catch (const std::exception &) { // std::bad_alloc, or OpenSSL without memory
        answer_ = unavailable_answer("memory", "out of memory; try again later");
    }
    request_.body.reset();
    while (!answer_ && !timed_out_)
        co_await answered_.wait();
    if (!answer_ && when_left_) // nobody waits for it any more
        std::exchange(when_left_, nullptr)();
    when_left_ = nullptr;
    ++number_; // what comes later is not for the next request
    if (!answer_)
        co_return unavailable_answer("timeout", "the answer took too long; try again later");
    co_return std::move(*answer_);
}

void Session::answer(std::uint64_t number, Answer &&answer) {
    if (number != number_ || answer_)
        return; // the client was told that it took too long
    answer_ = std::move(answer);
    answered_.wake();
}

void Session::when_left(std::uint64_t number, std::function<void()> then) {
    if (number == number_ && !answer_)
        when_left_ = std::move(then);
}

bool Session::awaits(std::uint64_t number) {
    return number == number_ && !answer_ && !timed_out_ && !closed_ && !has_left();
}

// Closes our half and reads over what still comes, so that the last answer is not lost to a reset (RFC 9112, section
// 9.6).
Awaitable<> Session::linger() {
    enter(Phase::lingering, linger_time);
    error_code ec;
    if (tls_) {
        SSL_set_shutdown(tls_->native_handle(), SSL_RECEIVED_SHUTDOWN); // the answer to our goodbye is not waited for
        co_await tls_->async_shutdown(awaiting(ec));
    }
    socket_.shutdown(Socket::shutdown_send, ec);
    for (std::size_t lingered = 0; !ec && lingered < most_lingered && !timed_out_ && !closed_;) {
        buffer_.consume(buffer_.size());
        const std::size_t size = co_await socket_.async_read_some(buffer_.prepare(body_read_size), awaiting(ec));
        lingered += size;
    }
}

void Session::sweep(Clock::time_point now) {
    if (when_left_ && !closed_ && has_left())
        std::exchange(when_left_, nullptr)();
    if (now < deadline_)
        return;
    timed_out_ = true; // again at each look until the next phase: between two operations there is nothing to cancel
    answered_.wake();
    error_code ignored;
    socket_.cancel(ignored);
}

bool Session::can_make_room(Clock::time_point now) {
    if (closed_ || phase_ == Phase::answering || (phase_ == Phase::idle && has_input()))
        return false; // a request is here, though nobody may have looked yet
    return phase_ != Phase::writing || now > deadline_ - server_.limits().body_timeout + patience_with_readers;
}

void Session::drain() {
    draining_ = true;
    if (phase_ == Phase::handshake)
        close();
    else if (phase_ == Phase::idle && !has_input())
        sweep(Clock::time_point::max());
}

void Session::close() {
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
}

} // namespace msgstatus::receiver
