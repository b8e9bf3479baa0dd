// The log: whatever a client sends, an event is one line, in its format, without phone numbers once masked.
#include "observe/log.hpp"

#include <algorithm>

#include "support/fuzz.hpp"
#include "support/grammar.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

std::size_t longest_run_of_digits(std::string_view text) {
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const char c : text) {
        run = c >= '0' && c <= '9' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return longest;
}

bool is_one_line(std::string_view line) {
    return std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    constexpr std::size_t limit = 100;
    const std::string masked = mask_personal_data(text, limit);
    FUZZ_CHECK(longest_run_of_digits(masked) < 7);
    FUZZ_CHECK(masked.size() <= limit + 3);

    const std::string plain = format_log_line(LogFormat::logfmt, "event", {{"reason", text}, {"n", 1}});
    FUZZ_CHECK(is_one_line(plain) && plain.starts_with("event=event reason=") && plain.ends_with(" n=1"));
    const std::string json = format_log_line(LogFormat::json, "event", {{"reason", text}, {"n", 1}});
    FUZZ_CHECK(is_one_line(json));
    FUZZ_CHECK(fuzz::follows_rfc8259("{" + json + "}"));
    return 0;
}
