// Sizes in bytes.
#pragma once

#include <cstddef>

namespace msgstatus::receiver {

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

} // namespace msgstatus::receiver
