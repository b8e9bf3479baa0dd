// Reads a description from its document.
#pragma once

#include "provider/description.hpp"

namespace msgstatus {

// What is wrong with a description.
struct DescriptionProblem {
    // The member, such as "shapes[0].state.words"; empty for the whole.
    const char *member = nullptr;
    // Null if nothing is wrong.
    const char *problem = nullptr;
    const char *hint = nullptr;
};

// Returns the description that the document holds, with copies of all its texts in the current memory context. Sets the
// problem and returns something unusable if the document holds none. Does not raise.
Description parse_description(Text name, const Json &document, DescriptionProblem &problem);

} // namespace msgstatus
