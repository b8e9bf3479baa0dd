#include "http/request_target.hpp"

#include <algorithm>

#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::string_view host_punctuation = "-._~!$&'()*+;=%:[]"; // no comma: it would join two headers

// is_authority does tell whether the text may be a host and a port (RFC 3986, section 3.2), without user information.
bool is_authority(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               host_punctuation.find(c) != std::string_view::npos;
    });
}

bool take_scheme(std::string_view &url) noexcept {
    for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
        if (equals_ignoring_case(url.substr(0, scheme.size()), scheme)) {
            url.remove_prefix(scheme.size());
            return true;
        }
    }
    return false;
}

} // namespace

std::optional<std::string_view> resolve_target(Request &request) {
    if (request.host_headers > 1 || (request.version == 11 && request.host_headers == 0))
        return "exactly one Host header is required";
    if (!is_authority(request.host))
        return "the Host header names no host";
    if (request.target.starts_with('/') || request.target == "*")
        return std::nullopt;
    std::string_view rest = request.target;
    if (!take_scheme(rest))
        return "the target is neither a path nor a URL";
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    if (request.host_headers == 0)
        request.host.assign(authority);
    if (authority.empty() || !is_authority(authority) || !equals_ignoring_case(authority, request.host))
        return "the target and the Host header name different hosts";
    rest.remove_prefix(end);
    request.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
    return std::nullopt;
}

} // namespace msgstatus::receiver
