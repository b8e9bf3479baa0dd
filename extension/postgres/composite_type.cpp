#include "postgres/composite_type.hpp"

#include "postgres/prepared_statement.hpp"

extern "C" {
#include "utils/array.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace msgstatus {

Oid CompositeType::array_oid() {
    return get_array_type(type_of_extension(name_));
}

void CompositeType::types_of(std::span<const std::size_t> columns, std::span<Oid> types) {
    TupleDesc description = open();
    std::size_t column = 0;
    std::size_t found = 0;
    for (int i = 0; i < description->natts && found < columns.size(); ++i) {
        const FormData_pg_attribute &attribute = *TupleDescAttr(description, i);
        if (attribute.attisdropped)
            continue;
        if (columns[found] == column)
            types[found++] = attribute.atttypid;
        ++column;
    }
    ReleaseTupleDesc(description);
    if (found < columns.size())
        elog(ERROR, "type msgstatus.%s has no column %zu", name_, columns[found] + 1);
}

TupleDesc CompositeType::open() {
    // DROP and CREATE EXTENSION in one session give the type another OID.
    if (!OidIsValid(type_) || !SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type_)))
        type_ = type_of_extension(name_);
    // Another session's change counts from its commit on, even if this backend took no lock that would deliver the
    // invalidation.
    AcceptInvalidationMessages();
    const TypeCacheEntry *entry = lookup_type_cache(type_, TYPECACHE_TUPDESC);
    TupleDesc description = entry->tupDesc;
    if (description == nullptr)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type msgstatus.%s is not composite", name_)));
    const std::uint64_t identifier = entry->tupDesc_identifier;
    // The check may read the catalog, which can evict the entry.
    PinTupleDesc(description);
    if (identifier != checked_) {
        check_columns(description, columns_, psprintf("type msgstatus.%s", name_));
        // Prepared statements refer to columns by number, and a column that was dropped and added again has another
        // number.
        if (checked_ != 0)
            prepare_all_anew();
        checked_ = identifier;
    }
    return description;
}

HeapTuple CompositeType::form(TupleDesc description, RowBuilder &row) const {
    if (static_cast<std::size_t>(row.columns()) != columns_.size())
        elog(ERROR, "a row of msgstatus.%s has %d columns, not %zu", name_, row.columns(), columns_.size());
    if (description->natts == row.columns())
        return heap_form_tuple(description, row.values(), row.nulls());
    // Dropped columns keep their places.
    const auto natts = static_cast<std::size_t>(description->natts);
    auto *values = static_cast<Datum *>(palloc0(natts * sizeof(Datum)));
    auto *nulls = static_cast<bool *>(palloc(natts * sizeof(bool)));
    std::size_t column = 0;
    for (std::size_t i = 0; i < natts; ++i) {
        nulls[i] = TupleDescAttr(description, static_cast<int>(i))->attisdropped || row.nulls()[column];
        if (!TupleDescAttr(description, static_cast<int>(i))->attisdropped)
            values[i] = row.values()[column++];
    }
    HeapTuple tuple = heap_form_tuple(description, values, nulls);
    pfree(values);
    pfree(nulls);
    return tuple;
}

Datum CompositeType::finish(TupleDesc description, Datum *rows, std::size_t count) {
    ReleaseTupleDesc(description);
    return PointerGetDatum(construct_array(rows, static_cast<int>(count), type_, -1, false, TYPALIGN_DOUBLE));
}

} // namespace msgstatus
