#include "dead_letter/kept_out.hpp"

#include "dead_letter/rejections.hpp"
#include "message/user_triggers.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"

namespace msgstatus {
namespace {

constexpr const char *reason = "a trigger keeps its message out of the table";

PreparedStatement is_kept_out_statement(R"(
SELECT NOT EXISTS (SELECT FROM msgstatus.message AS m
    WHERE m.message_id = c.message_id AND c.status OPERATOR(msgstatus.<@) m.status)
FROM pg_catalog.unnest($1) AS c)");

using Changes = Vector<const MessageChange *>;

// Returns the changes that the messages do not hold, in the given order, which is the order of messages.
Changes kept_out_of(std::span<const MessageChange> changes) {
    Changes left_out;
    for (const MessageChange &change : changes)
        if (!change.written)
            left_out.push(&change);
    if (left_out.empty() || !has_trigger_before())
        return {};
    const auto put = [](RowBuilder &row, const MessageChange *change) { put_change(row, *change); };
    is_kept_out_statement.execute(message_change_type.array_oid(), message_change_type.array_of(left_out, put));
    check_result_of(left_out.size(), std::array{ColumnShape{"is_kept_out", BOOLOID}});
    Changes kept_out;
    for (std::size_t i = 0; i < left_out.size(); ++i) {
        bool is_null = false;
        if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null)))
            kept_out.push(left_out[i]);
    }
    SPI_freetuptable(SPI_tuptable);
    return kept_out;
}

bool is_among(const Changes &changes, Text message_id) {
    const auto *found = std::lower_bound(changes.begin(), changes.end(), message_id,
                                         [](const MessageChange *c, Text id) { return c->message_id < id; });
    return found != changes.end() && (*found)->message_id == message_id;
}

} // namespace

void reject_kept_out(Batch &batch, std::span<const MessageChange> changes) {
    const Changes kept_out = kept_out_of(changes);
    if (kept_out.empty())
        return;
    for (const Observation &o : batch.observations) {
        StatusObject &object = batch.objects[o.object];
        if (object.rejected || !object.payload.exists() || !is_among(kept_out, o.message_id))
            continue;
        object.rejected = true;
        batch.rejections.push(rejection_of(object, o, reason));
    }
}

} // namespace msgstatus
