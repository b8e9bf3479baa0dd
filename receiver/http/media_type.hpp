// Which bodies are taken, by their Content-Type.
#pragma once

#include <cstdint>
#include <string_view>

namespace msgstatus::receiver {

enum class MediaType : std::uint8_t { json, form, other };

/// classify_media_type does tell what a Content-Type announces (RFC 9110, section 8.3): JSON of any name
/// (`application/json`, `application/cloudevents+json`, ...), a form, or something else, to which any charset but UTF-8
/// belongs.
MediaType classify_media_type(std::string_view content_type) noexcept;

} // namespace msgstatus::receiver
