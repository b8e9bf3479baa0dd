#include "http/media_type.hpp"

#include <algorithm>

#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

std::string_view next_part(std::string_view &rest) noexcept {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view part = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

bool is_utf8_name(std::string_view name) noexcept {
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
        name = name.substr(1, name.size() - 2);
    return equals_ignoring_case(name, "utf-8") || equals_ignoring_case(name, "utf8") ||
           equals_ignoring_case(name, "us-ascii");
}

} // namespace

MediaType classify_media_type(std::string_view content_type) noexcept {
    constexpr std::string_view charset = "charset=";
    constexpr std::string_view json_suffix = "+json";
    std::string_view rest = content_type;
    const std::string_view type = next_part(rest);
    while (!rest.empty()) {
        const std::string_view parameter = next_part(rest);
        if (equals_ignoring_case(parameter.substr(0, charset.size()), charset) &&
            !is_utf8_name(parameter.substr(charset.size())))
            return MediaType::other;
    }
    if (equals_ignoring_case(type, "application/json") || equals_ignoring_case(type, "text/json") ||
        (type.size() > json_suffix.size() &&
         equals_ignoring_case(type.substr(type.size() - json_suffix.size()), json_suffix)))
        return MediaType::json;
    if (equals_ignoring_case(type, "application/x-www-form-urlencoded"))
        return MediaType::form;
    return MediaType::other;
}

} // namespace msgstatus::receiver
