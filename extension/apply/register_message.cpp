// What a sender says of a message it sent, and of the ids that it has.
#include "postgres/postgres.hpp"

#include <new>

#include "alias/aliases.hpp"
#include "apply/unite_messages.hpp"
#include "install/table_access.hpp"
#include "message/change_columns.hpp"
#include "observation/validation.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/subtransaction.hpp"
#include "rollup/rollup_changes.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

using namespace msgstatus;

namespace {

// Calls visit(column, n) for each column of registered_columns, with the number of its parameter.
template <typename Visit>
void for_each_registered(Visit visit) {
    int parameter = 1;
    for (const ChangeColumn &column : change_columns)
        if ((column.bit & registered_columns) != 0)
            visit(column, ++parameter);
}

// The parameters are the arguments of register_message. What is given replaces what webhooks said and stays, whatever
// they say later; what is not given is left to them. An empty text says nothing. The row returned is that of
// written_shape; there is none where the message is known and nothing about it is new.
const char *text_of_statement() {
    StringInfoData sql;
    initStringInfo(&sql);
    const auto append_for_each = [&](const char *format) {
        for_each_registered([&](const ChangeColumn &column, int) {
            const char *name = column.shape.name;
            for (const char *c = format; *c != '\0'; ++c)
                if (*c == '@')
                    appendStringInfoString(&sql, name);
                else
                    appendStringInfoChar(&sql, *c);
        });
    };
    appendStringInfoString(&sql, "INSERT INTO msgstatus.message AS m (message_id");
    append_for_each(", @");
    appendStringInfoString(&sql, ", metadata, created_by, campaign_id, registered, last_change) SELECT $1");
    append_for_each(", g.@");
    appendStringInfoString(&sql, ", $9, g.created_by, $11, (0");
    for_each_registered([&](const ChangeColumn &column, int) {
        appendStringInfo(&sql, " + CASE WHEN g.%s IS NULL THEN 0 ELSE %u END", column.shape.name, column.bit);
    });
    appendStringInfo(&sql, ")::smallint, %u FROM (SELECT ", last_change_inserted);
    for_each_registered([&](const ChangeColumn &column, int parameter) {
        const std::string_view name = column.shape.name;
        const bool is_address = name == "sender" || name == "recipient";
        appendStringInfo(
            &sql, is_address ? "msgstatus.normalize_address(NULLIF($%d, '')) AS %s, " : "NULLIF($%d, '') AS %s, ",
            parameter, column.shape.name);
    });
    appendStringInfoString(&sql, "NULLIF($10, '') AS created_by) AS g ON CONFLICT (message_id) DO UPDATE SET ");
    append_for_each("@ = COALESCE(excluded.@, m.@), ");
    appendStringInfo(&sql,
                     "metadata = COALESCE(m.metadata || excluded.metadata, excluded.metadata, m.metadata), "
                     "created_by = COALESCE(excluded.created_by, m.created_by), "
                     "campaign_id = COALESCE(excluded.campaign_id, m.campaign_id), "
                     "registered = COALESCE(m.registered, 0::smallint) | excluded.registered, "
                     "last_change = %u, updated_at = GREATEST(m.updated_at, excluded.updated_at), replaced = ",
                     last_change_replaced);
    append_replaced_value(&sql);
    appendStringInfoString(&sql, " WHERE m.registered IS NULL OR (m.registered | excluded.registered) <> m.registered");
    append_for_each(" OR excluded.@ <> m.@");
    appendStringInfoString(
        &sql,
        " OR excluded.metadata IS NOT NULL AND (m.metadata IS NULL OR (m.metadata || excluded.metadata) <> m.metadata) "
        "OR excluded.created_by IS NOT NULL AND (m.created_by IS NULL OR excluded.created_by <> m.created_by) "
        "OR excluded.campaign_id IS NOT NULL AND (m.campaign_id IS NULL OR excluded.campaign_id <> m.campaign_id) "
        "RETURNING ");
    append_written_columns(&sql);
    return sql.data;
}

// Made at the first call, and kept for the backend's life.
std::optional<PreparedStatement> statement;

PreparedStatement &register_statement() {
    if (!statement) {
        const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
        const char *text = text_of_statement();
        MemoryContextSwitchTo(caller);
        statement.emplace(text);
    }
    return *statement;
}

constexpr std::array<Oid, 11> argument_types = {TEXTOID, TEXTOID, TEXTOID,  TEXTOID, TEXTOID, TEXTOID,
                                                TEXTOID, TEXTOID, JSONBOID, TEXTOID, UUIDOID};

Text text_argument_of(FunctionCallInfo fcinfo, int n) {
    return n >= PG_NARGS() || PG_ARGISNULL(n) ? Text() : view_of(PG_GETARG_TEXT_PP(n));
}

void check_message_id(Text id) {
    if (id.empty() || id.size() > max_message_id_size)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a message id has between 1 and %zu bytes", max_message_id_size)));
}

void check_table_of_aliases() {
    if (!can_keep_aliases())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the table message_alias is missing"),
                        errhint("Run: SELECT msgstatus.install();")));
}

// Learns that two ids are those of one message, if the second one is given. The recipient is given as people write it.
void learn_alias(Text alias, Text message_id, Text recipient, RollupChanges &rollups) {
    if (alias.empty() || alias == message_id)
        return;
    check_message_id(alias);
    check_table_of_aliases();
    msgstatus::learn_alias({alias, message_id}, address_of(recipient), rollups);
}

// Returns what the statement has just written, from which alone the rollups are counted, and nothing a caller could
// make up; nothing if it wrote nothing.
const WrittenMessage *written_row() {
    if (SPI_processed == 0)
        return nullptr;
    check_result(written_shape);
    std::array<Datum, written_column_count> values;
    std::array<bool, written_column_count> nulls;
    for (int i = 0; i < written_column_count; ++i)
        values[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
    return new (palloc(sizeof(WrittenMessage))) WrittenMessage(written_message(values.data(), nulls.data()));
}

Vector<Text> ids_of(const WrittenMessage *message) {
    Vector<Text> ids;
    if (message != nullptr)
        ids.push(message->message_id);
    return ids;
}

// Runs the statement with the id under which the message is kept, as apply_observations merges.
void write_message(std::span<Datum> values, const char *nulls, RollupChanges &rollups) {
    // Behind a pointer: what a subtransaction that is undone leaves of a local variable is not to be relied upon.
    auto **written = static_cast<const WrittenMessage **>(palloc0(sizeof(WrittenMessage *)));
    const bool had_aliases = may_have_aliases();
    if (had_aliases) {
        Vector<Text> ids;
        ids.push(view_of(DatumGetTextPP(values[0])));
        while (!attempt_or_undo([&] {
            values[0] = PointerGetDatum(text_of(message_of(aliases_among(ids), ids[0])));
            register_statement().execute(argument_types, values, nulls);
            *written = written_row();
            return !have_moved(ids_of(*written));
        }))
            CHECK_FOR_INTERRUPTS();
    } else {
        register_statement().execute(argument_types, values, nulls);
        *written = written_row();
    }
    if (*written == nullptr)
        return;
    rollups.add(**written);
    if (!had_aliases && may_have_aliases())
        unite_written(ids_of(*written), rollups);
}

} // namespace

// Writes what a sender knows of a message, before or after its first status, and counts it in the rollups. Parameters:
// the message id, of 1 to 512 bytes; each column of registered_columns; metadata, an object; who sent it; the campaign.
// another id of the message. NULL and the empty text leave a column as it is. Raises 22023 for ids of another size,
// and 23514 where the messages with the two ids have different recipients or too many ids.
//
// It writes as the owner of the tables: the caller needs the right to call it and none on the tables, and so can
// neither write a row that the rollups do not count nor count what is not written.
MSGSTATUS_FUNCTION(register_message) {
    // Another version's SQL may call it.
    const auto given = static_cast<std::size_t>(PG_NARGS());
    if (given != argument_types.size() && given != argument_types.size() + 1)
        elog(ERROR, "register_message takes %zu arguments, not %d", argument_types.size() + 1, PG_NARGS());
    TableAccess access;
    Text message_id = text_argument_of(fcinfo, 0);
    check_message_id(message_id);
    RollupChanges rollups;
    learn_alias(text_argument_of(fcinfo, static_cast<int>(argument_types.size())), message_id,
                text_argument_of(fcinfo, 4), rollups);
    std::array<Datum, argument_types.size()> values;
    std::array<char, argument_types.size()> nulls;
    for (std::size_t i = 0; i < argument_types.size(); ++i) {
        values[i] = fcinfo->args[i].value;
        nulls[i] = fcinfo->args[i].isnull ? 'n' : ' ';
    }
    write_message(values, nulls.data(), rollups);
    rollups.write();
    access.close();
    PG_RETURN_VOID();
}

// Says that two ids are those of one message, which becomes one if there are two. Parameters: the alias; the id under
// which the message is to be kept. Raises 22023 for ids of another size than 1 to 512 bytes, and where both are the
// same, and 23514 as register_message does. Writes as the owner of the tables, as register_message does.
MSGSTATUS_FUNCTION(add_message_alias) {
    TableAccess access;
    const Text alias = text_argument_of(fcinfo, 0);
    const Text message_id = text_argument_of(fcinfo, 1);
    check_message_id(alias);
    check_message_id(message_id);
    if (alias == message_id)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("an alias differs from the message id")));
    RollupChanges rollups;
    learn_alias(alias, message_id, {}, rollups);
    rollups.write();
    access.close();
    PG_RETURN_VOID();
}

// Says that an id is no alias, whatever webhooks say from now on. Parameter: the id. Returns false if it is none.
// Raises 22023 for an id of another size than 1 to 512 bytes. Writes as the owner of the tables, as register_message
// does.
MSGSTATUS_FUNCTION(forget_message_alias) {
    TableAccess access;
    const Text alias = text_argument_of(fcinfo, 0);
    check_message_id(alias);
    check_table_of_aliases();
    const bool is_forgotten = forget_alias(alias);
    access.close();
    PG_RETURN_BOOL(is_forgotten);
}
