#include "attach/attached_tables.hpp"

#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

PreparedStatement load_statement(R"(
SELECT a.attached_table_id, a.target::pg_catalog.oid, a.key_column::text, a.attached_by::pg_catalog.oid, a.search_path, a.update_sql,
    a.columns ->> 'error_text' IS NOT NULL,
    EXISTS (SELECT FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_attribute AS k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
        WHERE i.indrelid = a.target AND k.attname = a.key_column AND i.indisvalid AND i.indpred IS NULL),
    EXISTS (SELECT FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = a.attached_table_id)
FROM msgstatus.attached_table AS a JOIN pg_catalog.pg_class AS t ON t.oid = a.target
ORDER BY a.attached_table_id)",
                                 Lookup::as_planned);

constexpr std::array loaded_columns{
    ColumnShape{"attached_table_id", INT4OID}, ColumnShape{"target", OIDOID},
    ColumnShape{"key_column", TEXTOID},        ColumnShape{"attached_by", OIDOID},
    ColumnShape{"search_path", TEXTOID},       ColumnShape{"update_sql", TEXTOID},
    ColumnShape{"shows_error_text", BOOLOID},  ColumnShape{"key_has_index", BOOLOID},
    ColumnShape{"has_failures", BOOLOID},
};

// The cached list, in a memory context of its own, and the number of invalidations before it was read.
Vector<AttachedTable> remembered;
MemoryContext remembered_in = nullptr;
Oid table_read = InvalidOid;
std::uint64_t invalidations_before = 0;
std::uint64_t invalidations = 1;

bool concerns_us(Oid relation) {
    return !OidIsValid(relation) || relation == table_read ||
           std::any_of(remembered.begin(), remembered.end(),
                       [relation](const AttachedTable &t) { return t.target == relation; });
}

void note_invalidation(Datum argument, Oid relation) {
    (void)argument;
    if (concerns_us(relation))
        ++invalidations;
}

AttachedTable attached_table_of(HeapTuple row, TupleDesc description) {
    const auto value = [&](int column) {
        bool is_null = false;
        return SPI_getbinval(row, description, column, &is_null);
    };
    const auto copy = [&](int column) { return SPI_getvalue(row, description, column); };
    AttachedTable table;
    table.id = DatumGetInt32(value(1));
    table.target = DatumGetObjectId(value(2));
    table.key_column = copy(3);
    table.attached_by = DatumGetObjectId(value(4));
    table.search_path = copy(5);
    table.update_sql = copy(6);
    table.shows_error_text = DatumGetBool(value(7));
    table.key_has_index = DatumGetBool(value(8));
    table.has_failures = DatumGetBool(value(9));
    return table;
}

void read_attached_tables() {
    // A change from here on must cause another read.
    const std::uint64_t seen = invalidations;
    const Oid table = get_relname_relid("attached_table", get_namespace_oid("msgstatus", false));
    // The context belongs to the caller's until everything is read, so that an error leaves nothing behind.
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "msgstatus attached tables", ALLOCSET_SMALL_SIZES);
    Vector<AttachedTable> tables;
    if (OidIsValid(table)) {
        load_statement.execute({}, {}, nullptr, latest_snapshot());
        check_result(loaded_columns);
        const MemoryContext caller = MemoryContextSwitchTo(context);
        for (std::uint64_t i = 0; i < SPI_processed; ++i)
            tables.push(attached_table_of(SPI_tuptable->vals[i], SPI_tuptable->tupdesc));
        MemoryContextSwitchTo(caller);
        SPI_freetuptable(SPI_tuptable);
    }
    MemoryContextSetParent(context, TopMemoryContext);
    if (remembered_in != nullptr)
        MemoryContextDelete(remembered_in);
    remembered = tables;
    remembered_in = context;
    table_read = table;
    invalidations_before = seen;
}

const char *copy_of(const char *text) {
    return text == nullptr ? nullptr : pstrdup(text);
}

// Returns a copy, because a trigger of an attached table may lead to another call, which replaces the cached list.
AttachedTable copy_of(const AttachedTable &table) {
    AttachedTable copy = table;
    copy.key_column = copy_of(table.key_column);
    copy.search_path = copy_of(table.search_path);
    copy.update_sql = copy_of(table.update_sql);
    return copy;
}

void refresh() {
    static bool registered = false;
    if (!registered) {
        CacheRegisterRelcacheCallback(note_invalidation, 0);
        registered = true;
    }
    // A session that waited for a row lock has not yet received the invalidations of the transaction that held it.
    AcceptInvalidationMessages();
    if (invalidations_before != invalidations || !OidIsValid(table_read))
        read_attached_tables();
}

} // namespace

Vector<AttachedTable> attached_tables() {
    refresh();
    Vector<AttachedTable> tables;
    for (const AttachedTable &table : remembered)
        tables.push(copy_of(table));
    return tables;
}

std::optional<AttachedTable> find_attached_table(int id) {
    refresh();
    for (const AttachedTable &table : remembered)
        if (table.id == id)
            return copy_of(table);
    return std::nullopt;
}

void forget_attached_tables() {
    if (OidIsValid(table_read))
        CacheInvalidateRelcacheByRelid(table_read);
}

} // namespace msgstatus
