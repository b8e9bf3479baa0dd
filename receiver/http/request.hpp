// A request as far as the program looks at it, and those who answer it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>

#include "access/address.hpp"
#include "base/buffer_budget.hpp"
#include "base/net.hpp"
#include "http/answer.hpp"

namespace msgstatus::receiver {

/// A body for Beast's parser that is charged to a budget, or read over.
struct BudgetBody {
    struct value_type {
        BufferBudget *budget = nullptr;
        std::size_t limit = 0; ///< bytes it may have
        bool discard = false;  ///< read over it without keeping it
        bool over_budget = false;
        BufferedBody body;
        std::vector<std::string_view> pieces; ///< of the buffer parsed last that belong to the body
    };

    class reader {
    public:
        template <bool is_request, class Fields>
        reader(boost::beast::http::header<is_request, Fields> &, value_type &value) : value_(value) {}

        void init(const boost::optional<std::uint64_t> &length, boost::beast::error_code &ec) {
            if (length)
                value_.limit = static_cast<std::size_t>(*length); // which the parser has held against its limit
            ec = {};
        }
        template <class Buffers>
        std::size_t put(const Buffers &buffers, boost::beast::error_code &ec) {
            const boost::asio::const_buffer bytes = *boost::asio::buffer_sequence_begin(buffers);
            const std::string_view piece(static_cast<const char *>(bytes.data()), bytes.size());
            value_.pieces.push_back(piece);
            ec = {};
            value_.over_budget = !value_.discard && !value_.body.append(*value_.budget, piece, value_.limit);
            if (value_.over_budget)
                ec = boost::beast::http::error::buffer_overflow;
            return piece.size();
        }
        void finish(boost::beast::error_code &ec) { ec = {}; }

    private:
        value_type &value_;
    };
};

using RequestParser = boost::beast::http::request_parser<BudgetBody>;

/// Whose webhooks come in.
enum class Provider : std::uint8_t { unknown, meta, twilio, aisensy };

enum class MediaType : std::uint8_t { json, form, other };

/// What a browser says, for handlers that note_headers() fills it for; not more than one of each.
struct BrowserHeaders {
    std::string_view cookie;
    std::string_view origin;
    std::string_view fetch_site; ///< Sec-Fetch-Site
    std::string_view if_none_match;
    std::string_view accept_encoding;
    std::string_view content_type;
    std::string_view user;  ///< whom the proxy has signed in
    bool ambiguous = false; ///< one of them came more than once
};

/// The headers that prove the sender, as the settings of a route name them.
struct ProofHeaders {
    std::string_view signature{}; ///< or a token, or a password
    std::string_view timestamp{};
    std::string_view id{};
    std::string_view nonce{};
    bool ambiguous = false; ///< one of them came more than once
};

/// Views are into the parser's fields as they were when the head was complete, so none comes from a trailer.
struct Request {
    std::string id; ///< distinguishes it from all others in the log
    boost::beast::http::verb method = boost::beast::http::verb::unknown;
    std::string target; ///< as received; of a request that is handled, path and query
    unsigned version = 11;
    std::uint8_t route = 0; ///< which its handler takes it for; 0: none, or its head is not even understood

    Address client; ///< who sent it, as far as trusted proxies tell
    std::string host;
    std::size_t host_headers = 0;
    MediaType media_type = MediaType::json; ///< without a Content-Type, the receiver may look (RFC 9110, section 8.3)
    std::string_view content_encoding;
    std::array<std::string_view, 4> signatures; ///< by provider
    std::size_t signature_headers = 0;          ///< of all kinds; the same one twice is ambiguous
    BrowserHeaders browser;
    ProofHeaders proof;
    bool through_proxy = false;  ///< a trusted one
    std::string twilio_settings; ///< X-Twilio-Webhooks-Signature-Settings: which key and digest signed

    std::string_view signature_of(Provider provider) const noexcept {
        return signatures[static_cast<std::size_t>(provider)];
    }

    BufferedBody body;

    std::string_view path() const noexcept { return std::string_view(target).substr(0, target.find('?')); }
    std::string_view query() const noexcept {
        return std::string_view(target).substr(std::min(path().size() + 1, target.size()));
    }
};

/// Something that takes answers to the requests it has numbered.
class AnswerSink {
public:
    virtual ~AnswerSink() = default;
    virtual void answer(std::uint64_t number, Answer &&answer) = 0;

    /// Has something done, soon after the client has closed the connection, if its answer is still awaited then.
    // NOLINTNEXTLINE(performance-unnecessary-value-param): who overrides it keeps it
    virtual void when_left(std::uint64_t /*number*/, std::function<void()> /*then*/) {}

    /// Returns whether the client still waits for the answer.
    virtual bool awaits(std::uint64_t /*number*/) { return true; }
};

/// Where to send the answer to one request: exactly one answer for each.
struct AnswerTo {
    std::shared_ptr<AnswerSink> sink;
    std::uint64_t number = 0;

    void send(Answer &&answer) const { sink->answer(number, std::move(answer)); }

    /// Returns whether the client still waits: it has not left, and was not told that it took too long.
    bool is_awaited() const { return !sink || sink->awaits(number); }
};

/// RequestHandler answers the requests of one listener.
class RequestHandler {
public:
    virtual ~RequestHandler() = default;

    /// Takes what else it needs of the head, before check_head().
    virtual void note_headers(const RequestParser::value_type & /*head*/, Request & /*request*/) {}

    /// Looks at a request before its body is read, and sets its route.
    /// @return the answer if the request is refused already
    virtual std::optional<Answer> check_head(Request &request) = 0;

    /// Takes a complete request; the answer may come now or later.
    virtual void handle(Request &request, AnswerTo to) = 0;

    /// Adds what every answer of the listener has, refusals and malformed requests included.
    virtual void complete(const Request & /*request*/, Answer & /*answer*/) {}

    /// Hears of every answer, refusals and malformed requests included, for the metrics.
    /// @param duration  from the first byte of the request to its answer
    virtual void answered(const Request & /*request*/, const Answer & /*answer*/, Clock::duration /*duration*/) {}
};

/// HeadLines looks at the lines of one head before they are parsed: each must end in CRLF, with no other CR in it, and
/// none may continue the one before (RFC 9112, sections 2.2 and 5.2). What one program takes for two lines and another
/// for one is how requests are smuggled past a proxy.
class HeadLines {
public:
    /// Looks at what has arrived of the head; false if the request must be refused.
    bool check(std::string_view head) noexcept;

    /// Returns whether the empty line that ends the head was there.
    bool is_complete() const noexcept { return complete_; }

    /// Returns how many bytes of whole lines there are.
    std::size_t size() const noexcept { return checked_; }

private:
    std::size_t checked_ = 0;
    bool complete_ = false;
};

/// Returns whether the lines of a chunked body, sizes, extensions and trailers, are as strict, without control
/// characters, and without a length in the trailer.
/// @param text    begins with a line or with data; its last line may be incomplete
/// @param pieces  the parts of it that are data
bool has_good_lines(std::string_view text, const std::vector<std::string_view> &pieces) noexcept;

/// Fills a request from a head that was parsed.
/// @return nullopt, or what is wrong with the head: how long a body is must have one meaning only (RFC 9112, section
/// 6.3): one Content-Length, a plain number, or one Transfer-Encoding, `chunked`, in HTTP/1.1
std::optional<std::string_view> read_fields(const RequestParser::value_type &message, Request &request);

/// Brings the target into origin form (path and query), and sees to it that nobody could take the request for one to
/// another host: exactly one Host header (none is allowed in HTTP/1.0), which is a host and nothing else; and a target
/// in absolute form names the same (RFC 9112, sections 3.2 and 3.3).
/// @return what is wrong, if anything is
std::optional<std::string_view> resolve_target(Request &request);

/// Returns whether an id from elsewhere is fit for the log and for an answer: 1 to 64 letters, digits, `-`, `_` and
/// `.`.
bool is_request_id(std::string_view text) noexcept;

/// Returns the values of the headers of one name as a list (RFC 9110, section 5.2).
std::string joined_values(const RequestParser::value_type &message, std::string_view name);

/// Returns what a Content-Type announces (RFC 9110, section 8.3): JSON of any name (`application/json`,
/// `application/cloudevents+json`, ...), a form, or something else, to which any charset but UTF-8 belongs.
MediaType classify_media_type(std::string_view content_type);

} // namespace msgstatus::receiver
