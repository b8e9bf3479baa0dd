#include "reflect/reflect_call.hpp"

#include "alias/aliases.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/text_array.hpp"
#include "reflect/message_lock.hpp"
#include "reflect/reflect.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
}

namespace msgstatus {
namespace {

constexpr StateSet failure_states = set_of(DeliveryState::failed, DeliveryState::undelivered);

PreparedStatement error_texts_statement(R"(
SELECT (SELECT m.error_title FROM msgstatus.message AS m WHERE m.message_id = k.message_id),
    (SELECT m.error_details FROM msgstatus.message AS m WHERE m.message_id = k.message_id)
FROM pg_catalog.unnest($1) AS k (message_id))");

bool has_failed(const Status &status) {
    return (status.present & failure_states) != 0;
}

bool changes_something(const WrittenMessage &message) {
    return message.is_inserted() || message.added_states() != 0 || message.replaced ||
           (message.last_change & last_change_replaced) != 0;
}

Reflection reflection_of(const WrittenMessage &message) {
    Reflection r;
    r.message_id = message.message_id;
    r.status = message.after.status;
    r.error.code = message.after.error_code;
    const bool had_failed = !message.is_inserted() && has_failed(message.before.status);
    r.failures = has_failed(r.status) && !had_failed ? 1 : 0;
    r.changed_at = GetCurrentTransactionStartTimestamp();
    return r;
}

// What the merge does not return, because few messages fail and few tables show it.
void read_error_texts(Vector<Reflection> &messages) {
    Vector<Reflection *> failed;
    Vector<Text> ids;
    for (Reflection &r : messages)
        if (has_failed(r.status)) {
            failed.push(&r);
            ids.push(r.message_id);
        }
    if (failed.empty())
        return;
    error_texts_statement.execute(TEXTARRAYOID, text_array_of(ids));
    check_result_of(failed.size(),
                    std::array{ColumnShape{"error_title", TEXTOID}, ColumnShape{"error_details", TEXTOID}});
    for (std::size_t i = 0; i < failed.size(); ++i) {
        const auto text_at = [&](int column) {
            bool is_null = false;
            const Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &is_null);
            return is_null ? Text() : view_of(DatumGetTextPP(value));
        };
        failed[i]->error.title = text_at(1);
        failed[i]->error.details = text_at(2);
    }
}

// Rows may name a message by any of its ids.
void add_aliases(Vector<Reflection> &messages) {
    if (messages.empty() || !may_have_aliases())
        return;
    const auto sort = [&] {
        std::sort(messages.begin(), messages.end(),
                  [](const Reflection &a, const Reflection &b) { return a.message_id < b.message_id; });
    };
    sort();
    Vector<Text> ids;
    for (const Reflection &r : messages)
        ids.push(r.message_id);
    const std::size_t known = messages.size();
    for (const Alias &alias : aliases_of(ids)) {
        Reflection copy = *std::lower_bound(messages.begin(), messages.begin() + known, alias.message_id,
                                            [](const Reflection &r, Text id) { return r.message_id < id; });
        copy.message_id = alias.alias;
        messages.push(copy);
    }
    sort();
}

} // namespace

void reflect_written(const Vector<WrittenMessage> &messages) {
    const Vector<AttachedTable> tables = attached_tables();
    if (tables.empty())
        return;
    Vector<Reflection> reflections;
    for (const WrittenMessage &message : messages)
        if (changes_something(message))
            reflections.push(reflection_of(message));
    if (std::any_of(tables.begin(), tables.end(), [](const AttachedTable &t) { return t.shows_error_text; }))
        read_error_texts(reflections);
    add_aliases(reflections);
    for (const AttachedTable &table : tables)
        (void)reflect_in(table, {reflections.begin(), reflections.size()}, true);
}

void reflect_known(const Vector<Text> &ids) {
    const Vector<AttachedTable> tables = attached_tables();
    if (tables.empty() || ids.empty())
        return;
    Vector<Reflection> reflections;
    for (const KnownMessage &message : read_messages(ids))
        reflections.push(message.reflection);
    for (const AttachedTable &table : tables)
        (void)reflect_in(table, {reflections.begin(), reflections.size()}, true);
}

} // namespace msgstatus
