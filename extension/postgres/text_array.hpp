// Message ids as text[], in and out.
#pragma once

#include "postgres/vector.hpp"

extern "C" {
#include "utils/array.h"
}

namespace msgstatus {

// text_array_of returns the texts as a text[].
Datum text_array_of(const Vector<Text> &texts);

// texts_of returns the elements of a text[] that are not NULL.
Vector<Text> texts_of(ArrayType *array);

// sort_and_distinct sorts the texts bytewise, and leaves one of each.
void sort_and_distinct(Vector<Text> &texts);

} // namespace msgstatus
