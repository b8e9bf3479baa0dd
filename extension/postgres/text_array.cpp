#include "postgres/text_array.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace msgstatus {

Datum text_array_of(const Vector<Text> &texts) {
    Vector<Datum> values;
    for (const Text text : texts)
        values.push(PointerGetDatum(text_of(text)));
    return PointerGetDatum(
        construct_array(values.begin(), static_cast<int>(values.size()), TEXTOID, -1, false, TYPALIGN_INT));
}

Vector<Text> texts_of(ArrayType *array) {
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    Vector<Text> texts;
    for (int i = 0; i < count; ++i)
        if (!nulls[i])
            texts.push(view_of(DatumGetTextPP(elements[i])));
    return texts;
}

void sort_and_distinct(Vector<Text> &texts) {
    std::sort(texts.begin(), texts.end());
    texts.truncate(static_cast<std::size_t>(std::unique(texts.begin(), texts.end()) - texts.begin()));
}

} // namespace msgstatus
