// The SQL function by which the statements for attached tables compare what a column shows with a state.
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

// The labels of a column, and the state that each means: two arrays that a statement holds as constants. They are
// walked where they lie, since to take them apart would cost as much as a dozen look-ups, at every execution.
class Labels {
public:
    Labels(ArrayType *labels, ArrayType *states)
        : labels_(ARR_DATA_PTR(labels)), states_(reinterpret_cast<const std::uint8_t *>(ARR_DATA_PTR(states))),
          count_(count(labels)) {
        if (array_contains_nulls(labels) || array_contains_nulls(states) || count(states) != count_)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("each label needs a state")));
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

// label_is_below(label, labels, states, state) tells whether the label means a lower state than the given one; true for
// a label that means none, or is NULL. Each of `labels` means the state at its place in `states`, spelled as it is, and
// one in lower case in any case. Raises 22023 for arrays that do not go together.
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
