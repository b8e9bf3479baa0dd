#include "observe/process_stats.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msgstatus::receiver {
namespace {

double seconds(const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t count_descriptors() {
    constexpr const char *directory = "/proc/self/fd";
    // Since Linux 6.2 the size of this directory is the count; looking at 10,000 entries would take milliseconds.
    struct stat about {};
    if (stat(directory, &about) == 0 && about.st_size > 0)
        return static_cast<std::uint64_t>(about.st_size);
    std::uint64_t count = 0;
    std::error_code ec;
    for (std::filesystem::directory_iterator entry(directory, ec), end; !ec && entry != end; entry.increment(ec))
        ++count;
    return count > 0 ? count - 1 : 0; // without the one that reads the directory
}

} // namespace

ProcessStats process_stats() {
    ProcessStats stats;
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    std::ifstream statm("/proc/self/statm"); // proc(5): size and resident set, in pages
    std::uint64_t pages = 0;
    std::uint64_t resident_pages = 0;
    if (statm >> pages >> resident_pages) {
        const auto page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        stats.virtual_bytes = pages * page_size;
        stats.resident_bytes = resident_pages * page_size;
    }
    stats.open_descriptors = count_descriptors();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        stats.most_descriptors = limit.rlim_cur;
    return stats;
}

} // namespace msgstatus::receiver
