#include "http/request_parser.hpp"

#include <algorithm>

#include "webhook/text_codec.hpp"
#include "config/units.hpp"

namespace msgstatus::receiver {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t most_head = 16 * kibibyte;

std::string_view plain(boost::beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

// append_to_list does join the values of headers of one name (RFC 9110, section 5.2).
void append_to_list(std::string &list, std::string_view value) {
    if (!list.empty())
        list.append(", ");
    list.append(value);
}

bool is_number(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

RequestParser::RequestParser(Request &request, BufferBudget &budget, std::size_t body_limit_)
    : request_(request), budget_(budget) {
    body_limit(body_limit_);
    header_limit(most_head);
}

std::size_t RequestParser::put(boost::asio::const_buffer bytes, error_code &ec) {
    if (is_header_done())
        return basic_parser::put(bytes, ec);
    // Beast holds its limit against what it has not consumed yet, so pieces would make room for a longer head.
    const std::size_t room = most_head - head_bytes_;
    const std::size_t used = basic_parser::put(boost::asio::buffer(bytes, room), ec);
    head_bytes_ += used;
    if (ec == http::error::need_more && bytes.size() >= room)
        ec = http::error::header_limit;
    return used;
}

void RequestParser::on_request_impl(http::verb method, string_view, string_view target, int version, error_code &) {
    request_.method = method;
    request_.target.assign(plain(target));
    request_.version = version;
}

void RequestParser::on_response_impl(int, string_view, int, error_code &) {} // never called for requests

void RequestParser::on_field_impl(field name, string_view name_text, string_view value, error_code &ec) {
    if (header_seen_)
        return; // a trailer; it came after everything was decided
    const auto keep_signature = [&](std::string &signature) {
        signature.assign(plain(value));
        ++request_.signature_headers;
    };
    switch (name) {
    case field::content_length:
        // Beast takes a list of equal lengths.
        if (++length_headers_ > 1 || !is_number(plain(value)))
            ec = http::error::bad_content_length;
        break;
    case field::transfer_encoding:
        // Beast takes other codings before `chunked`, and reads no body if that is not the last one.
        if (++coding_headers_ > 1 || request_.version != 11 || !equals_ignoring_case(plain(value), "chunked"))
            ec = http::error::bad_transfer_encoding;
        break;
    case field::host:
        request_.host.assign(plain(value));
        ++request_.host_headers;
        break;
    case field::content_type:
        request_.content_type.assign(plain(value));
        request_.has_content_type = true;
        break;
    case field::content_encoding:
        request_.content_encoding.assign(plain(value));
        break;
    case field::expect:
        if (equals_ignoring_case(plain(value), "100-continue"))
            request_.expects_continue = true;
        else
            request_.expects_other = true;
        break;
    default:
        // By name, since which names have a number of their own is another matter from version to version of Beast.
        if (equals_ignoring_case(plain(name_text), "x-request-id"))
            request_.proxy_id.assign(plain(value));
        else if (equals_ignoring_case(plain(name_text), "x-hub-signature-256"))
            keep_signature(request_.meta_signature);
        else if (equals_ignoring_case(plain(name_text), "x-twilio-signature"))
            keep_signature(request_.twilio_signature);
        else if (equals_ignoring_case(plain(name_text), "x-twilio-webhooks-signature-settings"))
            append_to_list(request_.twilio_settings, plain(value));
        else if (equals_ignoring_case(plain(name_text), "x-aisensy-signature"))
            keep_signature(request_.aisensy_signature);
        else if (equals_ignoring_case(plain(name_text), "x-forwarded-for"))
            append_to_list(request_.forwarded_for, plain(value));
        break;
    }
}

#if BOOST_BEAST_VERSION >= 359
void RequestParser::on_trailer_field_impl(field name, string_view, string_view, error_code &ec) {
    // As the versions before did (RFC 9110, section 6.5.1: no framing in a trailer).
    if (name == field::content_length)
        ec = http::error::bad_content_length;
    else if (name == field::transfer_encoding)
        ec = http::error::bad_transfer_encoding;
}
#endif

void RequestParser::on_header_impl(error_code &) {
    header_seen_ = true;
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t> &length, error_code &) {
    // What a client announces is reserved only as far as it is likely to be true.
    constexpr std::uint64_t most_in_advance = 64 * kibibyte;
    if (length && !discard_body_)
        request_.body.reserve(static_cast<std::size_t>(std::min(*length, most_in_advance)));
}

std::size_t RequestParser::on_body_impl(string_view piece, error_code &ec) {
    if (!discard_body_ && !request_.body.append(budget_, plain(piece))) {
        over_budget_ = true;
        ec = http::error::buffer_overflow;
        return 0;
    }
    return piece.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, string_view, error_code &) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view piece, error_code &ec) {
    return on_body_impl(piece, ec);
}

void RequestParser::on_finish_impl(error_code &) {}

} // namespace msgstatus::receiver
