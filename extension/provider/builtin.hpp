// The descriptions that come with the library: the files of builtin/, as the build embeds them.
#pragma once

#include <span>
#include <string_view>

namespace msgstatus {

struct BuiltinDescription {
    std::string_view name;
    std::string_view document; // JSON, and a terminating zero byte after its end
};

// Returns them in the order of their names.
std::span<const BuiltinDescription> builtin_descriptions();

} // namespace msgstatus
