#include "reflect/failures.hpp"

#include "attach/attached_tables.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/text_array.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
}

namespace msgstatus {
namespace {

constexpr int max_error_message_size = 1000;

// A table that is detached meanwhile has no failures any more. (The unnest that takes several arrays has no schema.)
constexpr const char *write_sql = R"(
INSERT INTO msgstatus.attached_table_failure AS f (attached_table_id, message_id, error_code, error_message)
SELECT a.attached_table_id, k.message_id, k.code, k.message
FROM msgstatus.attached_table AS a, unnest($2, $3, $4) AS k (message_id, code, message)
WHERE a.attached_table_id = $1
FOR KEY SHARE OF a
ON CONFLICT (attached_table_id, message_id) DO UPDATE
SET failed_at = excluded.failed_at, error_code = excluded.error_code, error_message = excluded.error_message, attempts = f.attempts + 1)";

constexpr const char *forget_sql = R"(
DELETE FROM msgstatus.attached_table_failure AS f USING pg_catalog.unnest($2) AS k (message_id)
WHERE f.attached_table_id = $1 AND f.message_id = k.message_id)";

constexpr const char *known_sql = R"(
SELECT f.message_id FROM msgstatus.attached_table_failure AS f
WHERE f.attached_table_id = $1 AND f.message_id = ANY ($2)
ORDER BY f.message_id)";

template <std::size_t n>
void execute(const char *sql, std::array<Datum, n> values) {
    std::array<Oid, n> types;
    types.fill(TEXTARRAYOID);
    types[0] = INT4OID;
    const int result = SPI_execute_with_args(sql, static_cast<int>(n), types.data(), values.data(), nullptr, false, 0);
    if (result < 0)
        elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
}

// Whether a table has failures is part of what backends remember of it.
void announce() {
    if (SPI_processed > 0)
        forget_attached_tables();
}

// Returns the error's message. The table's UPDATE is written when it is attached, so an error that says that something
// is missing or of another type mostly means that the table has changed since.
Text message_of(const ErrorData &error) {
    const char *message = error.message == nullptr ? "no message" : error.message;
    switch (error.sqlerrcode) {
    case ERRCODE_UNDEFINED_COLUMN:
    case ERRCODE_UNDEFINED_TABLE:
    case ERRCODE_UNDEFINED_FUNCTION:
    case ERRCODE_DATATYPE_MISMATCH:
        return psprintf("%s (if the table has changed, attach it again)", message);
    default:
        return message;
    }
}

} // namespace

void ReflectionFailures::add(Text message_id, const ErrorData &error) {
    failures_.push({message_id, &error});
}

bool ReflectionFailures::contains(Text message_id) const {
    const auto *found = std::lower_bound(failures_.begin(), failures_.end(), message_id,
                                         [](const Failure &f, Text id) { return f.message_id < id; });
    return found != failures_.end() && found->message_id == message_id;
}

void ReflectionFailures::write(int table_id) const {
    if (failures_.empty())
        return;
    Vector<Text> ids;
    Vector<Text> codes;
    Vector<Text> messages;
    for (const Failure &f : failures_) {
        ids.push(f.message_id);
        codes.push(pstrdup(unpack_sql_state(f.error->sqlerrcode)));
        const Text message = message_of(*f.error);
        const int size = pg_mbcliplen(message.data(), static_cast<int>(message.size()), max_error_message_size);
        messages.push(message.substr(0, static_cast<std::size_t>(size)));
    }
    execute<4>(write_sql, {Int32GetDatum(table_id), text_array_of(ids), text_array_of(codes), text_array_of(messages)});
    announce();
}

Vector<Text> known_failures(int table_id, const Vector<Text> &message_ids) {
    execute<2>(known_sql, {Int32GetDatum(table_id), text_array_of(message_ids)});
    check_result(std::array{ColumnShape{"message_id", TEXTOID}});
    Vector<Text> ids;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        bool is_null = false;
        ids.push(view_of(DatumGetTextPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null))));
    }
    return ids;
}

void forget_failures(int table_id, const Vector<Text> &message_ids) {
    if (message_ids.empty())
        return;
    execute<2>(forget_sql, {Int32GetDatum(table_id), text_array_of(message_ids)});
    announce();
}

} // namespace msgstatus
