#include "http/request.hpp"

#include <algorithm>
#include <array>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view digits = "0123456789";
constexpr std::string_view alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string_view plain(boost::beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

bool has_only(std::string_view text, std::string_view punctuation) noexcept {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return alphanumeric.find(c) != std::string_view::npos || punctuation.find(c) != std::string_view::npos;
    });
}

// Returns whether the text may be a host and a port (RFC 3986, section 3.2), without user information.
bool is_authority(std::string_view text) noexcept {
    return has_only(text, "-._~!$&'()*+;=%:[]"); // no comma: it would join two headers
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// Returns whether a line, its LF included, ends in CRLF, has no other CR, and continues no other line.
bool is_good_line(std::string_view line) noexcept {
    return line.size() > 1 && line.find('\r') == line.size() - 2 && line.front() != ' ' && line.front() != '\t';
}

bool has_good_whole_lines(std::string_view text) noexcept {
    for (std::size_t feed = 0; (feed = text.find('\n')) != std::string_view::npos; text.remove_prefix(feed + 1)) {
        const std::string_view line = text.substr(0, feed + 1);
        const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; };
        if (!is_good_line(line) || std::any_of(line.begin(), line.end() - 2, is_control))
            return false;
        // RFC 9110, section 6.5.1; not every version of Beast refuses it.
        if (starts_with_ignoring_case(line, "content-length:") || starts_with_ignoring_case(line, "transfer-encoding:"))
            return false;
    }
    return true;
}

} // namespace

bool HeadLines::check(std::string_view head) noexcept {
    while (!complete_) {
        const std::string_view rest = head.substr(checked_);
        const std::size_t feed = rest.find('\n');
        if (feed == std::string_view::npos)
            return true; // an unfinished line is looked at when it is whole
        if (!is_good_line(rest.substr(0, feed + 1)))
            return false;
        complete_ = feed == 1;
        checked_ += feed + 1;
    }
    return true;
}

bool has_good_lines(std::string_view text, const std::vector<std::string_view> &pieces) noexcept {
    for (const std::string_view piece : pieces) {
        const std::size_t before = static_cast<std::size_t>(piece.data() - text.data());
        if (!has_good_whole_lines(text.substr(0, before)))
            return false;
        text.remove_prefix(before + piece.size());
    }
    return has_good_whole_lines(text);
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
    if (message.count(http::field::content_type) > 0)
        request.media_type = classify_media_type(plain(message[http::field::content_type]));
    request.content_encoding = plain(message[http::field::content_encoding]);
    constexpr std::array<std::string_view, 4> headers = {"", "X-Hub-Signature-256", "X-Twilio-Signature",
                                                         "X-AiSensy-Signature"}; // by provider
    for (std::size_t provider = 1; provider < headers.size(); ++provider) {
        const boost::beast::string_view name(headers[provider].data(), headers[provider].size());
        request.signatures[provider] = plain(message[name]);
        request.signature_headers += message.count(name);
    }
    if (!request.signature_of(Provider::twilio).empty())
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
    const std::size_t scheme = starts_with_ignoring_case(request.target, "http://")    ? 7
                               : starts_with_ignoring_case(request.target, "https://") ? 8
                                                                                       : 0;
    if (scheme == 0)
        return "the target is neither a path nor a URL";
    std::string_view rest = std::string_view(request.target).substr(scheme);
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

MediaType classify_media_type(std::string_view content_type) {
    const std::string in_lower_case = lower_case(content_type);
    std::string_view rest = in_lower_case;
    const std::string_view type = trimmed(cut(rest, ";"));
    while (!rest.empty()) {
        std::string_view value = trimmed(cut(rest, ";"));
        if (!value.starts_with("charset="))
            continue;
        cut(value, "=");
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (value != "utf-8" && value != "utf8" && value != "us-ascii")
            return MediaType::other;
    }
    if (type == "application/json" || type == "text/json" || (type.ends_with("+json") && type.size() > 5))
        return MediaType::json;
    return type == "application/x-www-form-urlencoded" ? MediaType::form : MediaType::other;
}

} // namespace msgstatus::receiver
