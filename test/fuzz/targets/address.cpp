// Addresses: one spelling, which stays as it is when it is normalised again.
#include "core/phone.hpp"

#include <string>
#include <vector>

#include "core/ascii.hpp"
#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

// With exactly the room that is asked for.
std::string normalized(std::string_view address) {
    std::vector<char> out(address.size() + 1);
    const std::size_t size = normalize_address(address, out.data());
    FUZZ_CHECK(size <= out.size());
    return {out.data(), size};
}

bool is_number(std::string_view text) {
    return text.starts_with('+') && all_digits(text.substr(1)) && text.size() <= 1 + max_phone_digits;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view address = fuzz::text_of(data, size);
    const std::string normal = normalized(address);
    FUZZ_CHECK(normalized(normal) == normal);
    FUZZ_CHECK(normalized(" whatsapp:" + std::string(address) + "\n") == normal);
    FUZZ_CHECK(is_number(normal) || address.find(normal) != std::string_view::npos);
    // Within a number, what people write between its digits makes no difference.
    if (is_number(normal)) {
        std::string spaced;
        for (const char c : normal)
            spaced.append({c, " -.()"[size % 5]});
        FUZZ_CHECK(normalized(spaced) == normal);
    }
    return 0;
}
