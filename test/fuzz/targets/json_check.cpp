// Is a body JSON? Held against the grammar of RFC 8259; and the compact forms of a body are the same JSON.
#include "webhook/json_check.hpp"

#include "support/fuzz.hpp"
#include "support/grammar.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const bool json = is_json(text);
    FUZZ_CHECK(json == fuzz::follows_rfc8259(text));
    const std::string reserialised = reserialised_json(text);
    if (!json) {
        FUZZ_CHECK(reserialised.empty());
        return 0;
    }
    const std::string compact = without_json_space(text);
    FUZZ_CHECK(compact.size() <= text.size() && fuzz::follows_rfc8259(compact));
    FUZZ_CHECK(without_json_space(compact) == compact);
    FUZZ_CHECK(reserialised_json(compact) == reserialised);
    FUZZ_CHECK(reserialised.empty() || fuzz::follows_rfc8259(reserialised));
    FUZZ_CHECK(without_json_space(reserialised) == reserialised);
    return 0;
}
