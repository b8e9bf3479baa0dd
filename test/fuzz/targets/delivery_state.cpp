// Labels of states: case does not matter, every name is read as itself, and what is read is ordered and implied as
// said.
#include "core/delivery_state.hpp"

#include <string>

#include "support/fuzz.hpp"

using namespace msgstatus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view label = fuzz::text_of(data, size);
    const auto state = parse_state(label);
    std::string swapped(label);
    for (char &c : swapped)
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            c = static_cast<char>(c ^ 0x20);
    FUZZ_CHECK(parse_state(swapped) == state);
    if (!state)
        return 0;
    FUZZ_CHECK(index_of(*state) < state_count);
    FUZZ_CHECK(parse_state(state_name(*state)) == state);
    FUZZ_CHECK(contains(states_implying(*state), *state));
    FUZZ_CHECK(!is_failure(*state) || is_final(*state));
    // No label with something around it is one.
    for (const char c : {' ', '\0', 's', '_'})
        FUZZ_CHECK(!parse_state(std::string(label) + c) && !parse_state(c + std::string(label)));
    return 0;
}
