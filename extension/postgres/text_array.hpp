// Converts message ids from and to text[].
#pragma once

#include "postgres/vector.hpp"

extern "C" {
#include "utils/array.h"
}

namespace msgstatus {

// Returns the texts as a text[].
Datum text_array_of(const Vector<Text> &texts);

// Returns the elements of a text[] that are not NULL.
Vector<Text> texts_of(ArrayType *array);

// Sorts the texts bytewise and removes duplicates.
void sort_and_distinct(Vector<Text> &texts);

} // namespace msgstatus
