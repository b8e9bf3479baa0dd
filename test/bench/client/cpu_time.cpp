#include "cpu_time.hpp"

#include <fstream>
#include <string>
#include <sys/resource.h>

namespace bench {

double cpu_seconds(int pid) {
    // The first number of schedstat: nanoseconds on a CPU. /proc/PID/stat counts in hundredths of a second only.
    std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
    double nanoseconds = 0;
    return file >> nanoseconds ? nanoseconds / 1e9 : 0;
}

double own_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace bench
