// The text form of a status: what is read is written in one canonical way, which is read back as the same.
#include "core/status_text.hpp"

#include <array>
#include <string>

#include "support/fuzz.hpp"

using namespace msgstatus;

namespace {

std::string written(const Status &status) {
    std::array<char, max_status_text_size> out{};
    const std::size_t size = format_status(status, out.data());
    FUZZ_CHECK(size <= out.size());
    return {out.data(), size};
}

bool is_within(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const ParsedStatus parsed = parse_status(text);
    if (parsed.error != StatusTextError::none) {
        FUZZ_CHECK(is_within(parsed.culprit, text));
        return 0;
    }
    const std::string canonical = written(parsed.status);
    const ParsedStatus again = parse_status(canonical);
    FUZZ_CHECK(again.error == StatusTextError::none);
    FUZZ_CHECK(compare(again.status, parsed.status) == 0);
    FUZZ_CHECK(written(again.status) == canonical);
    FUZZ_CHECK(canonical.size() <= text.size() + 64 * state_count);
    return 0;
}
