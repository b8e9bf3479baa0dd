// The stored form of a status: bytes that are one are the only bytes of that status; all others are refused.
#include "core/status.hpp"

#include <cstring>
#include <vector>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

void check_bytes(std::span<const std::byte> bytes) {
    const auto status = unpack(bytes);
    if (!status)
        return;
    for (std::size_t i = 0; i < state_count; ++i)
        if (const auto time = observed_at(*status, static_cast<DeliveryState>(i)))
            FUZZ_CHECK(is_valid_time(*time));
    std::vector<std::byte> packed(packed_size(*status));
    pack(*status, packed.data());
    FUZZ_CHECK(packed.size() <= max_packed_size);
    FUZZ_CHECK(packed.size() == bytes.size() && std::memcmp(packed.data(), bytes.data(), bytes.size()) == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    check_bytes(bytes);
    // With the right version and the length that the set of states asks for, only the times can be wrong.
    if (size < sizeof(StateSet))
        return 0;
    Status status;
    std::memcpy(&status.present, data, sizeof(StateSet));
    std::vector<std::byte> sized(packed_size(status));
    std::memcpy(sized.data() + 1, data, std::min(size, sized.size() - 1));
    sized[0] = std::byte{status_version};
    check_bytes(sized);
    return 0;
}
