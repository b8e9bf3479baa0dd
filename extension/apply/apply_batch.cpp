#include "apply/apply_batch.hpp"

#include <new>

#include "alias/aliases.hpp"
#include "apply/collect.hpp"
#include "apply/unite_messages.hpp"
#include "dead_letter/kept_out.hpp"
#include "dead_letter/rejections.hpp"
#include "install/table_access.hpp"
#include "message/merge.hpp"
#include "message/user_triggers.hpp"
#include "postgres/subtransaction.hpp"
#include "reflect/reflect_call.hpp"
#include "trail/trail.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace msgstatus {
namespace {

// Writes the trail of the messages that were written: new events, and corrections of those whose content changed.
void record_events(const Vector<MessageChange> &changes) {
    Vector<Observation *> known_states;
    for (const MessageChange &change : changes) {
        if (!change.written)
            continue;
        for (Observation *o : change.observations) {
            // An event is written together with its state, so without the state there is no event.
            o->is_new = contains(change.added_states, o->state);
            if (!o->is_new)
                known_states.push(o);
        }
    }
    if (!known_states.empty())
        look_up_events({known_states.begin(), known_states.size()});

    Vector<Observation *> all;
    for (const MessageChange &change : changes)
        for (Observation *o : change.observations)
            all.push(o);
    write_events({all.begin(), all.size()});
}

// Marks the status objects that added something: an observation, or to one that was known another value.
void mark_applied(Batch &batch, const Vector<Observation *> &sorted, const Vector<MessageChange> &changes) {
    const MessageChange *change = changes.begin();
    const Observation *first = nullptr;
    for (const Observation *o : sorted) {
        while (change->message_id != o->message_id)
            ++change;
        const bool repeats = first != nullptr && compare_identity(*first, *o) == 0;
        if (!repeats)
            first = o;
        const bool differs = repeats ? o->digest != first->digest : o->differs;
        if (o->is_new || (differs && change->replaced))
            batch.objects[o->object].applied = true;
    }
}

// Makes dead letters of status objects whose alias was not learnt, so that somebody sees it, and can replay them when
// the cause is mended. The status itself is applied, and counted so. A redelivery says nothing new of it.
void report_refusals(Batch &batch) {
    Vector<std::uint32_t> reported;
    for (const Observation &o : batch.observations) {
        StatusObject &object = batch.objects[o.object];
        if (o.refusal == nullptr || object.rejected || !object.payload.exists() ||
            !(object.applied || batch.is_replay) || (!reported.empty() && reported.back() == o.object))
            continue;
        reported.push(o.object);
        batch.rejections.push(rejection_of(object, o, o.refusal));
        ereport(WARNING,
                (errmsg("\"%.*s\" and \"%.*s\" were not made one message: %s", static_cast<int>(o.alias.size()),
                        o.alias.data(), static_cast<int>(o.message_id.size()), o.message_id.data(), o.refusal),
                 o.refusal_error == nullptr ? 0 : errdetail_internal("%s", o.refusal_error)));
    }
    // What comes back is not done with.
    if (batch.is_replay)
        for (const std::uint32_t object : reported)
            batch.objects[object].rejected = true;
}

bool are_mostly_new(const Vector<MessageChange> &changes, const Vector<WrittenMessage> &written) {
    const auto inserted =
        std::count_if(written.begin(), written.end(), [](const WrittenMessage &m) { return m.is_inserted(); });
    return static_cast<std::size_t>(inserted) > changes.size() / 2;
}

Vector<Text> ids_of(const Vector<WrittenMessage> &messages) {
    Vector<Text> ids;
    for (const WrittenMessage &message : messages)
        ids.push(message.message_id);
    return ids;
}

// The observations of a call, and what became of their messages.
struct Merged {
    Vector<Observation *> sorted;
    Vector<MessageChange> changes;
    Vector<WrittenMessage> written;
};

// Returns false if it has to begin anew: see merge_messages.
bool merge(Merged &merged, Batch &batch, const BatchSeries &series) {
    resolve_aliases(batch.observations);
    merged.sorted = sort_observations(batch.observations);
    merged.changes = changes_of(merged.sorted, distinct_of(merged.sorted));
    // A trigger BEFORE INSERT is not to fire for a message that is left as it is.
    const bool mostly_new = series.mostly_new && !has_trigger_before();
    const auto written = merge_messages({merged.changes.begin(), merged.changes.size()}, mostly_new);
    if (written)
        merged.written = *written;
    return written.has_value();
}

void apply_observations(Batch &batch, BatchSeries &series) {
    // Behind a pointer: what a subtransaction that is undone leaves of a local variable is not to be relied upon.
    auto *merged = new (palloc(sizeof(Merged))) Merged;
    learn_aliases_of(batch.observations, series.rollups);
    const bool had_aliases = may_have_aliases();
    const auto merge_all = [&] { return merge(*merged, batch, series); };
    const auto merge_in_order = [&] { return merge_all() && !have_moved(ids_of(merged->written)); };
    while (!(had_aliases ? attempt_or_undo(merge_in_order) : merge_all()))
        CHECK_FOR_INTERRUPTS();
    const auto &[sorted, changes, written] = *merged;
    series.mostly_new = are_mostly_new(changes, written);
    record_events(changes);
    if (!written.empty())
        reflect_written(written);
    for (const WrittenMessage &message : written)
        series.rollups.add(message);
    mark_applied(batch, sorted, changes);
    reject_kept_out(batch, {changes.begin(), changes.size()});
    report_refusals(batch);
    if (!had_aliases && !written.empty() && may_have_aliases())
        unite_written(ids_of(written), series.rollups);
}

void apply_batch(Batch &batch, BatchSeries &series, bool writes_rollups) {
    // A call without webhooks opens the tables, too: it is how a caller asks whether a call could succeed.
    if (!batch.observations.empty() || !batch.rejections.empty() || batch.counts.empty()) {
        TableAccess access;
        if (!batch.observations.empty())
            apply_observations(batch, series);
        if (!batch.rejections.empty())
            insert_rejections({batch.rejections.begin(), batch.rejections.size()});
        // Last: nobody waits for these rows longer than need be.
        if (writes_rollups)
            series.rollups.write();
        access.close();
    }
    for (const StatusObject &object : batch.objects) {
        Counts &counts = batch.counts[object.webhook];
        ++(object.rejected ? counts.rejected : object.applied ? counts.applied : counts.unchanged);
    }
}

} // namespace

void apply_batch(Batch &batch) {
    BatchSeries only;
    apply_batch(batch, only, true);
}

void apply_batch(Batch &batch, BatchSeries &series) {
    apply_batch(batch, series, false);
}

} // namespace msgstatus
