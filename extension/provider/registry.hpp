// The descriptions in effect, as each backend caches them: those of define_provider(), which replace built-in ones of
// the same name, and the built-in ones.
#pragma once

#include "provider/read_item.hpp"

namespace msgstatus {

// A description that a body fits, with the first of its shapes that does.
struct Fit {
    const Description *description = nullptr;
    const Shape *shape = nullptr;
};

// Returns the descriptions that a body fits, each once. With `only_own`, built-in ones are not looked at. The result is
// valid until the next call of this or of another function here.
Vector<Fit> fits_of(const Json &body, bool only_own);

// Returns whether there are descriptions of define_provider().
bool has_own_descriptions();

// Returns the description with the name; null if there is none.
const Description *find_description(Text name);

} // namespace msgstatus
