// Loaded into a program beside the sanitizer's runtime, and started before every other library (DF_1_INITFIRST). The
// runtime sets itself up at the first allocation, and hangs if that is made under a lock of the C library, as the first
// of libp11-kit is, which the server brings along.
#include <cstdlib>

namespace {

[[gnu::constructor]] void wake_sanitizer() {
    std::free(std::malloc(1));
}

} // namespace
