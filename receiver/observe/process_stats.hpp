// What the system says about the program.
#pragma once

#include <cstdint>

namespace msgstatus::receiver {

struct ProcessStats {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_descriptors = 0;
    std::uint64_t most_descriptors = 0; ///< beyond it nothing can be opened
};

/// process_stats does ask the system and /proc/self; what cannot be read stays 0.
ProcessStats process_stats();

} // namespace msgstatus::receiver
