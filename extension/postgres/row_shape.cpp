#include "postgres/row_shape.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "parser/parse_coerce.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

constexpr const char *result = "the result of a statement";

Oid type_of(const ColumnShape &column) {
    return column.own_type == nullptr ? column.type : type_of_extension(column.own_type);
}

[[noreturn]] void raise_changed(const char *subject, const char *detail) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("%s does not match the msgstatus library, version %s", subject, MSGSTATUS_VERSION),
                    errdetail_internal("%s", detail), hint_at_versions()));
}

} // namespace

int hint_at_versions() {
    return errhint("Reconnect, and make sure that the library, the extension and its tables have the same version: "
                   "ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();");
}

Oid type_of_extension(const char *name) {
    const Oid schema = get_namespace_oid("msgstatus", false);
    const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name), ObjectIdGetDatum(schema));
    if (!OidIsValid(type))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("type msgstatus.%s does not exist", name)));
    return type;
}

void check_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject) {
    std::size_t count = 0;
    for (int i = 0; i < description->natts; ++i) {
        const FormData_pg_attribute &attribute = *TupleDescAttr(description, i);
        if (attribute.attisdropped)
            continue;
        if (count == columns.size())
            raise_changed(subject, psprintf("It has a column \"%s\" that is not known.", NameStr(attribute.attname)));
        const ColumnShape &column = columns[count++];
        if (std::string_view(NameStr(attribute.attname)) != column.name)
            raise_changed(subject, psprintf("It has a column \"%s\" in place of \"%s\".", NameStr(attribute.attname),
                                            column.name));
        if (attribute.atttypid != type_of(column))
            raise_changed(subject, psprintf("Its column \"%s\" is of type %s, not %s.", column.name,
                                            format_type_be(attribute.atttypid), format_type_be(type_of(column))));
    }
    if (count < columns.size())
        raise_changed(subject, psprintf("It lacks the column \"%s\".", columns[count].name));
}

void check_result_columns(TupleDesc description, std::span<const ColumnShape> columns, const char *subject) {
    if (description->natts != static_cast<int>(columns.size()))
        raise_changed(subject, psprintf("It has %d columns, not %zu.", description->natts, columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const Oid expected = type_of(columns[i]);
        const Oid found = TupleDescAttr(description, static_cast<int>(i))->atttypid;
        if (found != expected && !IsBinaryCoercible(found, expected))
            raise_changed(subject, psprintf("Its column \"%s\" is of type %s, not %s.", columns[i].name,
                                            format_type_be(found), format_type_be(expected)));
    }
}

void check_result(std::span<const ColumnShape> columns) {
    if (SPI_tuptable == nullptr)
        raise_changed(result, "It has no rows.");
    check_result_columns(SPI_tuptable->tupdesc, columns, result);
}

void check_result_of(std::size_t rows, std::span<const ColumnShape> columns) {
    check_result(columns);
    if (SPI_tuptable->numvals != rows)
        raise_changed(result, psprintf("It has %llu rows, not %zu.",
                                       static_cast<unsigned long long>(SPI_tuptable->numvals), rows));
}

} // namespace msgstatus
