#include "pg/composite.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

namespace msgstatus {

Oid type_of_extension(const char *name) {
    const Oid schema = get_namespace_oid("msgstatus", false);
    const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name), ObjectIdGetDatum(schema));
    if (!OidIsValid(type))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("type msgstatus.%s does not exist", name)));
    return type;
}

Oid CompositeType::array_oid() {
    return get_array_type(type_of_extension(name_));
}

void CompositeType::types_of(std::span<const std::size_t> columns, std::span<Oid> types) {
    TupleDesc description = open();
    for (std::size_t i = 0; i < columns.size(); ++i)
        types[i] = TupleDescAttr(description, static_cast<int>(columns[i]))->atttypid;
    ReleaseTupleDesc(description);
}

TupleDesc CompositeType::open() {
    // DROP and CREATE EXTENSION in one session give the type another OID.
    if (!OidIsValid(type_) || !SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type_)))
        type_ = type_of_extension(name_);
    return lookup_rowtype_tupdesc(type_, -1);
}

Datum CompositeType::finish(TupleDesc description, Datum *rows, std::size_t count) {
    ReleaseTupleDesc(description);
    return PointerGetDatum(construct_array(rows, static_cast<int>(count), type_, -1, false, TYPALIGN_DOUBLE));
}

} // namespace msgstatus
