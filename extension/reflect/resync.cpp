// The SQL function that brings rows of an attached table up to date by hand.
#include "postgres/postgres.hpp"

#include "install/table_access.hpp"
#include "postgres/text_array.hpp"
#include "reflect/failures.hpp"
#include "reflect/message_lock.hpp"

using namespace msgstatus;

namespace {

Vector<Reflection> reflections_of(const Vector<KnownMessage> &messages) {
    Vector<Reflection> reflections;
    for (const KnownMessage &message : messages)
        reflections.push(message.reflection);
    return reflections;
}

// The messages that were written since they were read. Both lists are in the order of ids.
Vector<Text> ids_written_since(const Vector<KnownMessage> &before, const Vector<KnownMessage> &now) {
    Vector<Text> ids;
    const auto *known = before.begin();
    for (const KnownMessage &message : now) {
        const Text id = message.reflection.message_id;
        while (known != before.end() && known->reflection.message_id < id)
            ++known;
        if (known != before.end() && known->reflection.message_id == id && known->written_by != message.written_by)
            ids.push(id);
    }
    return ids;
}

} // namespace

// Brings the rows of an attached table up to date, and returns for how many messages that failed. Parameters: the
// attached_table_id; the ids of the messages, in any order. Raises 42704 for a table that is not attached.
//
// Messages are not locked, since a whole table may be brought up to date in one transaction, and calls would wait for
// it. So a call may be faster and its row get an older error again; but then, since the row is locked from here on,
// the message is seen to be another one afterwards.
MSGSTATUS_FUNCTION(reflect_messages) {
    const int table_id = PG_GETARG_INT32(0);
    Vector<Text> ids = texts_of(PG_GETARG_ARRAYTYPE_P(1));
    sort_and_distinct(ids);
    TableAccess access;
    const auto table = find_attached_table(table_id);
    if (!table)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no attached table %d", table_id)));
    const Vector<KnownMessage> messages = read_messages(ids);
    const Vector<Reflection> reflections = reflections_of(messages);
    int failures = reflect_in(*table, {reflections.begin(), reflections.size()}, true);
    const Vector<Text> changed = ids_written_since(messages, read_messages(ids));
    if (!changed.empty()) {
        const Vector<Reflection> again = lock_known_messages(changed);
        failures += reflect_in(*table, {again.begin(), again.size()}, true);
    }
    if (failures > 0)
        failures = static_cast<int>(known_failures(table_id, ids).size());
    access.close();
    PG_RETURN_INT32(failures);
}
