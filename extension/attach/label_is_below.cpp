// label_is_below(): compares the label in a column with a state, for the UPDATE statements of attached tables.
#include "postgres/postgres.hpp"

#include "types/delivery_state_datum.hpp"

extern "C" {
#include "access/tupmacs.h"
#include "catalog/pg_collation.h"
#include "utils/array.h"
#include "utils/formatting.h"
}

using namespace msgstatus;

namespace {

// The labels of a column and the state of each: two arrays that a statement holds as constants. They are searched in
// place, because deconstructing them at every execution would cost more than the search.
class Labels {
public:
    Labels(ArrayType *labels, ArrayType *states)
        : labels_(ARR_DATA_PTR(labels)), states_(reinterpret_cast<const std::uint8_t *>(ARR_DATA_PTR(states))),
          count_(count(labels)) {
        if (array_contains_nulls(labels) || array_contains_nulls(states) || count(states) != count_)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("labels and states must have the same length and no nulls")));
    }

    std::optional<DeliveryState> find(std::string_view label) const {
        const char *next = labels_;
        for (int i = 0; i < count_; ++i) {
            const char *element = next;
            if (view_of(reinterpret_cast<const text *>(element)) == label)
                return state_of_datum(UInt8GetDatum(states_[i]));
            next = element + att_align_nominal(VARSIZE_ANY(element), TYPALIGN_INT);
        }
        return std::nullopt;
    }

private:
    static int count(ArrayType *array) { return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); }

    const char *labels_;
    const std::uint8_t *states_;
    int count_;
};

} // namespace

// Returns whether a label (argument 1) means a lower state than the given one (argument 4). Element n of the labels
// (argument 2) means element n of the states (argument 3). A label matches exactly, or, if the element is in lower
// case, in any case. Returns true for a label that means no state or is NULL. Raises 22023 if the arrays differ in
// length or hold NULL.
MSGSTATUS_FUNCTION(label_is_below) {
    if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
        PG_RETURN_NULL();
    if (PG_ARGISNULL(0))
        PG_RETURN_BOOL(true);
    const Labels labels(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2));
    const std::string_view label = view_of(PG_GETARG_TEXT_PP(0));
    auto meant = labels.find(label);
    if (!meant)
        meant = labels.find(str_tolower(label.data(), label.size(), DEFAULT_COLLATION_OID));
    PG_RETURN_BOOL(!meant || *meant < PG_GETARG_STATE(3));
}
