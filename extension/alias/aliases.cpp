#include "alias/aliases.hpp"

#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/text_array.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace msgstatus {
namespace {

// OFFSET 0 makes the planner look up each id by the index. A plan of when the table was small would read the table.
PreparedStatement aliases_among_statement(R"(
SELECT a.alias, a.message_id, a.is_alias
FROM pg_catalog.unnest($1) AS k (id)
CROSS JOIN LATERAL (SELECT r.* FROM msgstatus.message_alias AS r WHERE r.alias = k.id OFFSET 0) AS a
ORDER BY a.alias)");

PreparedStatement aliases_of_statement(R"(
SELECT a.alias, a.message_id, a.is_alias
FROM pg_catalog.unnest($1) AS k (id)
CROSS JOIN LATERAL (SELECT r.* FROM msgstatus.message_alias AS r WHERE r.message_id = k.id OFFSET 0) AS a
WHERE a.alias <> a.message_id
ORDER BY a.alias)");

// The unnest that takes several arrays has no schema.
PreparedStatement write_aliases_statement(R"(
INSERT INTO msgstatus.message_alias AS a (alias, message_id, is_alias)
SELECT k.alias, k.message_id, k.is_alias FROM unnest($1, $2, $3) AS k (alias, message_id, is_alias)
ON CONFLICT (alias) DO UPDATE SET message_id = excluded.message_id, is_alias = excluded.is_alias)");

PreparedStatement delete_aliases_statement(R"(
DELETE FROM msgstatus.message_alias AS a USING pg_catalog.unnest($1) AS k (id) WHERE a.alias = k.id)");

constexpr std::array alias_columns{ColumnShape{"alias", TEXTOID}, ColumnShape{"message_id", TEXTOID},
                                   ColumnShape{"is_alias", BOOLOID}};

Text copy_of(Datum value) {
    const Text view = view_of(DatumGetTextPP(value));
    auto *copy = static_cast<char *>(palloc(view.size()));
    std::copy(view.begin(), view.end(), copy);
    return {copy, view.size()};
}

Oid table_of_aliases() {
    return get_relname_relid("message_alias", get_namespace_oid("msgstatus", false));
}

// The rows' texts outlive the result, and so a subtransaction that is given up.
Vector<Alias> read(PreparedStatement &statement, const Vector<Text> &ids) {
    Vector<Alias> aliases;
    if (ids.empty() || !may_have_aliases())
        return aliases;
    statement.execute(TEXTARRAYOID, text_array_of(ids), latest_snapshot());
    check_result(alias_columns);
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        std::array<Datum, alias_columns.size()> values;
        std::array<bool, alias_columns.size()> nulls;
        heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values.data(), nulls.data());
        aliases.push({copy_of(values[0]), copy_of(values[1]), DatumGetBool(values[2])});
    }
    SPI_freetuptable(SPI_tuptable);
    return aliases;
}

Datum bool_array_of(const Vector<Alias> &aliases) {
    Vector<Datum> values;
    for (const Alias &alias : aliases)
        values.push(BoolGetDatum(alias.is_alias));
    return PointerGetDatum(
        construct_array(values.begin(), static_cast<int>(values.size()), BOOLOID, 1, true, TYPALIGN_CHAR));
}

void write(const Vector<Alias> &aliases) {
    Vector<Text> ids;
    Vector<Text> messages;
    for (const Alias &alias : aliases) {
        ids.push(alias.alias);
        messages.push(alias.message_id);
    }
    const std::array<Oid, 3> types{TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID};
    const std::array<Datum, 3> values{text_array_of(ids), text_array_of(messages), bool_array_of(aliases)};
    write_aliases_statement.execute(types, values);
}

} // namespace

bool can_keep_aliases() {
    return OidIsValid(table_of_aliases());
}

bool may_have_aliases() {
    const Oid id = table_of_aliases();
    if (!OidIsValid(id))
        return false;
    Relation table = table_open(id, AccessShareLock);
    const bool may_have = table->rd_rel->relkind != RELKIND_RELATION || RelationGetNumberOfBlocks(table) > 0;
    table_close(table, NoLock);
    return may_have;
}

Vector<Alias> aliases_among(const Vector<Text> &ids) {
    return read(aliases_among_statement, ids);
}

Vector<Alias> aliases_of(const Vector<Text> &message_ids) {
    return read(aliases_of_statement, message_ids);
}

Text message_of(const Vector<Alias> &aliases, Text id) {
    const auto *found = std::lower_bound(aliases.begin(), aliases.end(), id,
                                         [](const Alias &a, Text wanted) { return a.alias < wanted; });
    return found != aliases.end() && found->alias == id ? found->message_id : id;
}

Vector<Text> messages_of(const Vector<Alias> &aliases, const Vector<Text> &ids) {
    Vector<Text> messages;
    for (const Text id : ids)
        messages.push(message_of(aliases, id));
    sort_and_distinct(messages);
    return messages;
}

void write_aliases(const Vector<Alias> &aliases) {
    Vector<Alias> written;
    Vector<Text> needless;
    for (const Alias &alias : aliases)
        if (alias.alias == alias.message_id && !alias.is_alias)
            needless.push(alias.alias);
        else
            written.push(alias);
    if (!needless.empty())
        delete_aliases_statement.execute(TEXTARRAYOID, text_array_of(needless));
    if (!written.empty())
        write(written);
}

void write_forgotten_alias(Text id) {
    Vector<Alias> forgotten;
    forgotten.push({id, id, false});
    write(forgotten);
}

} // namespace msgstatus
