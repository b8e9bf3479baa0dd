// What a sender says of a message it sent.
#include "postgres/postgres.hpp"

#include "install/table_access.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "rollup/rollup_changes.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

using namespace msgstatus;

namespace {

constexpr std::size_t longest_message_id = 512;

// The parameters are the arguments of register_message. What is given replaces what webhooks said and stays, whatever
// they say later; what is not given is left to them. An empty text says nothing. The row returned is that of
// written_columns; there is none where the message is known and nothing about it is new.
PreparedStatement register_statement(R"(
INSERT INTO msgstatus.message AS m (message_id, provider, direction, sender, recipient, message_type, content,
    media_url, metadata, created_by, campaign_id, registered, last_change)
SELECT $1, g.provider, g.direction, g.sender, g.recipient, g.message_type, g.content, g.media_url, $9, g.created_by, $11,
    (CASE WHEN g.provider IS NULL THEN 0 ELSE 1 END + CASE WHEN g.direction IS NULL THEN 0 ELSE 2 END
    + CASE WHEN g.sender IS NULL THEN 0 ELSE 4 END + CASE WHEN g.recipient IS NULL THEN 0 ELSE 8 END
    + CASE WHEN g.message_type IS NULL THEN 0 ELSE 16 END + CASE WHEN g.content IS NULL THEN 0 ELSE 32 END
    + CASE WHEN g.media_url IS NULL THEN 0 ELSE 64 END)::smallint, 65536
FROM (SELECT NULLIF($2, '') AS provider, NULLIF($3, '') AS direction,
    msgstatus.normalize_address(NULLIF($4, '')) AS sender, msgstatus.normalize_address(NULLIF($5, '')) AS recipient,
    NULLIF($6, '') AS message_type, NULLIF($7, '') AS content, NULLIF($8, '') AS media_url,
    NULLIF($10, '') AS created_by) AS g
ON CONFLICT (message_id) DO UPDATE SET
    provider = COALESCE(excluded.provider, m.provider),
    direction = COALESCE(excluded.direction, m.direction),
    sender = COALESCE(excluded.sender, m.sender),
    recipient = COALESCE(excluded.recipient, m.recipient),
    message_type = COALESCE(excluded.message_type, m.message_type),
    content = COALESCE(excluded.content, m.content),
    media_url = COALESCE(excluded.media_url, m.media_url),
    metadata = COALESCE(m.metadata || excluded.metadata, excluded.metadata, m.metadata),
    created_by = COALESCE(excluded.created_by, m.created_by),
    campaign_id = COALESCE(excluded.campaign_id, m.campaign_id),
    registered = COALESCE(m.registered, 0::smallint) | excluded.registered,
    last_change = 131072,
    replaced = ARRAY[m.status::text, m.provider, m.sender, m.recipient, m.message_type, m.direction, m.campaign_id::text,
        m.error_code::text],
    updated_at = GREATEST(m.updated_at, excluded.updated_at)
WHERE m.registered IS NULL
    OR (m.registered | excluded.registered) <> m.registered
    OR excluded.provider <> m.provider
    OR excluded.direction <> m.direction
    OR excluded.sender <> m.sender
    OR excluded.recipient <> m.recipient
    OR excluded.message_type <> m.message_type
    OR excluded.content <> m.content
    OR excluded.media_url <> m.media_url
    OR excluded.metadata IS NOT NULL AND (m.metadata IS NULL OR (m.metadata || excluded.metadata) <> m.metadata)
    OR excluded.created_by IS NOT NULL AND (m.created_by IS NULL OR excluded.created_by <> m.created_by)
    OR excluded.campaign_id IS NOT NULL AND (m.campaign_id IS NULL OR excluded.campaign_id <> m.campaign_id)
RETURNING m.message_id, m.last_change, m.replaced, m.created_at, m.status, m.provider, m.sender, m.recipient,
    m.message_type, m.direction, m.campaign_id, m.error_code)");

constexpr std::array<Oid, 11> argument_types = {TEXTOID, TEXTOID, TEXTOID,  TEXTOID, TEXTOID, TEXTOID,
                                                TEXTOID, TEXTOID, JSONBOID, TEXTOID, UUIDOID};

void check_message_id(FunctionCallInfo fcinfo) {
    const std::size_t size = PG_ARGISNULL(0) ? 0 : view_of(PG_GETARG_TEXT_PP(0)).size();
    if (size == 0 || size > longest_message_id)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a message id has between 1 and %zu bytes", longest_message_id)));
}

// Adds to the rollups what the statement has just written, and nothing a caller could make up.
void count_written_row() {
    check_result(written_shape);
    std::array<Datum, written_column_count> values;
    std::array<bool, written_column_count> nulls;
    for (int i = 0; i < written_column_count; ++i)
        values[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
    RollupChanges rollups;
    const WrittenMessage message = written_message(values.data(), nulls.data());
    rollups.add(message);
    rollups.write();
}

} // namespace

// register_message writes as the owner of the tables: the caller needs the right to call it and none on the tables, and
// so can neither write a row that the rollups do not count nor count what is not written.
MSGSTATUS_FUNCTION(register_message) {
    // Another version's SQL may call it.
    if (static_cast<std::size_t>(PG_NARGS()) != argument_types.size())
        elog(ERROR, "register_message takes %zu arguments, not %d", argument_types.size(), PG_NARGS());
    TableAccess access;
    check_message_id(fcinfo);
    std::array<Datum, argument_types.size()> values;
    std::array<char, argument_types.size()> nulls;
    for (std::size_t i = 0; i < argument_types.size(); ++i) {
        values[i] = fcinfo->args[i].value;
        nulls[i] = fcinfo->args[i].isnull ? 'n' : ' ';
    }
    register_statement.execute(argument_types, values, nulls.data());
    if (SPI_processed > 0)
        count_written_row();
    access.close();
    PG_RETURN_VOID();
}
