#include "http/request.hpp"

#include <algorithm>
#include <array>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string_view plain(boost::beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

bool has_only(std::string_view text, std::string_view punctuation) noexcept {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return letters.find(c) != std::string_view::npos || digits.find(c) != std::string_view::npos ||
               punctuation.find(c) != std::string_view::npos;
    });
}

// Returns whether the text may be a host and a port (RFC 3986, section 3.2), without user information.
bool is_authority(std::string_view text) noexcept {
    return has_only(text, "-._~!$&'()*+;=%:[]"); // no comma: it would join two headers
}

std::string_view next_part(std::string_view &rest) noexcept {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view part = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

} // namespace

bool HeadLines::check(std::string_view head) noexcept {
    while (!complete_) {
        const std::string_view rest = head.substr(checked_);
        const std::size_t feed = rest.find('\n');
        if (feed == std::string_view::npos)
            return true; // an unfinished line is looked at when it is whole
        if (feed == 0 || rest.find('\r') != feed - 1)
            return false;
        if (checked_ > 0 && (rest.front() == ' ' || rest.front() == '\t'))
            return false;
        complete_ = feed == 1;
        checked_ += feed + 1;
    }
    return true;
}

bool ChunkLines::check(std::string_view parsed, const std::vector<std::string_view> &pieces) {
    const char *from = parsed.data();
    for (const std::string_view piece : pieces) {
        if (!check_text({from, static_cast<std::size_t>(piece.data() - from)}))
            return false;
        from = piece.data() + piece.size();
    }
    return check_text({from, static_cast<std::size_t>(parsed.data() + parsed.size() - from)});
}

bool ChunkLines::check_text(std::string_view text) {
    constexpr std::size_t most_looked_at = 20;
    for (const char c : text) {
        const bool is_control = (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
        if (c == '\n' ? before_ != '\r' : before_ == '\r' || (is_control && c != '\r'))
            return false;
        if (before_ == '\n') {
            line_.clear();
            if (c == ' ' || c == '\t')
                return false;
        }
        if (line_.size() < most_looked_at)
            line_.push_back(c);
        if (c == ':' &&
            (equals_ignoring_case(line_, "content-length:") || equals_ignoring_case(line_, "transfer-encoding:")))
            return false; // RFC 9110, section 6.5.1; not every version of Beast refuses it
        before_ = c;
    }
    return true;
}

bool has_bare_line_feed(std::string_view text) noexcept {
    for (std::size_t feed = text.find('\n'); feed != std::string_view::npos; feed = text.find('\n', feed + 1)) {
        if (feed == 0 || text[feed - 1] != '\r')
            return true;
    }
    return false;
}

std::optional<std::string_view> read_fields(const RequestParser::value_type &message, Request &request) {
    const std::size_t lengths = message.count(http::field::content_length);
    const std::size_t codings = message.count(http::field::transfer_encoding);
    const std::string_view length = plain(message[http::field::content_length]);
    // Beast takes a list of equal lengths.
    if (lengths > 1 || (lengths == 1 && (length.empty() || length.find_first_not_of(digits) != std::string_view::npos)))
        return "bad Content-Length";
    // Beast takes other codings before `chunked`, and reads no body if that is not the last one.
    if (codings > 1 ||
        (codings == 1 &&
         (message.version() != 11 || !equals_ignoring_case(plain(message[http::field::transfer_encoding]), "chunked"))))
        return "bad Transfer-Encoding";
    request.method = message.method();
    request.target = plain(message.target());
    request.version = message.version();
    request.host = plain(message[http::field::host]);
    request.host_headers = message.count(http::field::host);
    request.content_type = plain(message[http::field::content_type]);
    request.has_content_type = message.count(http::field::content_type) > 0;
    request.content_encoding = plain(message[http::field::content_encoding]);
    request.meta_signature = plain(message["X-Hub-Signature-256"]);
    request.twilio_signature = plain(message["X-Twilio-Signature"]);
    request.aisensy_signature = plain(message["X-AiSensy-Signature"]);
    for (const char *name : {"X-Hub-Signature-256", "X-Twilio-Signature", "X-AiSensy-Signature"})
        request.signature_headers += message.count(name);
    if (!request.twilio_signature.empty())
        request.twilio_settings = joined_values(message, "X-Twilio-Webhooks-Signature-Settings");
    return std::nullopt;
}

std::optional<std::string_view> resolve_target(Request &request) {
    if (request.host_headers > 1 || (request.version == 11 && request.host_headers == 0))
        return "exactly one Host header is required";
    if (!is_authority(request.host))
        return "the Host header names no host";
    if (request.target.starts_with('/') || request.target == "*")
        return std::nullopt;
    std::string_view rest = request.target;
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (starts_with_ignoring_case(rest, scheme))
            rest.remove_prefix(scheme.size());
    }
    if (rest.size() == request.target.size())
        return "the target is neither a path nor a URL";
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    if (authority.empty() || !is_authority(authority) ||
        (request.host_headers > 0 && !equals_ignoring_case(authority, request.host)))
        return "the target and the Host header name different hosts";
    request.host = authority;
    rest.remove_prefix(end);
    request.target = (rest.starts_with('/') ? "" : "/") + std::string(rest);
    return std::nullopt;
}

bool is_request_id(std::string_view text) noexcept {
    constexpr std::size_t longest = 64;
    return !text.empty() && text.size() <= longest && has_only(text, "-_.");
}

std::string joined_values(const RequestParser::value_type &message, std::string_view name) {
    std::string list;
    const auto [begin, end] = message.equal_range({name.data(), name.size()});
    for (auto field = begin; field != end; ++field)
        list.append(list.empty() ? "" : ", ").append(plain(field->value()));
    return list;
}

MediaType classify_media_type(std::string_view content_type) noexcept {
    constexpr std::string_view charset = "charset=";
    constexpr std::string_view json_suffix = "+json";
    std::string_view rest = content_type;
    const std::string_view type = next_part(rest);
    while (!rest.empty()) {
        std::string_view value = next_part(rest);
        if (!starts_with_ignoring_case(value, charset))
            continue;
        value.remove_prefix(charset.size());
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (!equals_ignoring_case(value, "utf-8") && !equals_ignoring_case(value, "utf8") &&
            !equals_ignoring_case(value, "us-ascii"))
            return MediaType::other;
    }
    if (equals_ignoring_case(type, "application/json") || equals_ignoring_case(type, "text/json") ||
        (type.size() > json_suffix.size() &&
         equals_ignoring_case(type.substr(type.size() - json_suffix.size()), json_suffix)))
        return MediaType::json;
    return equals_ignoring_case(type, "application/x-www-form-urlencoded") ? MediaType::form : MediaType::other;
}

} // namespace msgstatus::receiver
