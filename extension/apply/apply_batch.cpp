#include "apply/apply_batch.hpp"

#include <cstring>

#include "dead_letter/kept_out.hpp"
#include "message/merge.hpp"
#include "message/user_triggers.hpp"
#include "reflect/reflect_call.hpp"
#include "trail/trail.hpp"

namespace msgstatus {
namespace {

int compare_identity(const Observation &a, const Observation &b) {
    if (const int by_id = a.message_id.compare(b.message_id); by_id != 0)
        return by_id;
    return a.fingerprint < b.fingerprint ? -1 : a.fingerprint > b.fingerprint;
}

int compare_details(const Jsonb *a, const Jsonb *b) {
    if (a == nullptr || b == nullptr)
        return (a != nullptr) - (b != nullptr);
    return compareJsonbContainers(const_cast<JsonbContainer *>(&a->root), const_cast<JsonbContainer *>(&b->root));
}

Text text_of_document(Jsonb *document) {
    return JsonbToCString(nullptr, &document->root, static_cast<int>(VARSIZE(document)));
}

// Of the repetitions of one observation the one that stays comes first. The same order as in correct_events.
bool precedes(const Observation &a, const Observation &b) {
    if (a.received_at != b.received_at)
        return a.received_at < b.received_at;
    if (const int by_detail = compare_details(a.detail, b.detail); by_detail != 0)
        return by_detail > 0;
    if (a.error.title != b.error.title)
        return a.error.title < b.error.title;
    if (a.error.details != b.error.details)
        return a.error.details < b.error.details;
    if (a.source != b.source)
        return a.source < b.source;
    // Details that are equal need not look alike: 1.0 and 1.00.
    if (a.detail != nullptr && b.detail != nullptr)
        if (const int by_text = text_of_document(a.detail).compare(text_of_document(b.detail)); by_text != 0)
            return by_text < 0;
    return a.digest < b.digest;
}

// By message, so that every call locks in the same order; repetitions together, the one that stays first.
bool sorts_before(const Observation *a, const Observation *b) {
    if (const int by_identity = compare_identity(*a, *b); by_identity != 0)
        return by_identity < 0;
    if (precedes(*a, *b))
        return true;
    if (precedes(*b, *a))
        return false;
    return a->object < b->object;
}

void keep_smaller(Text &kept, Text other) {
    if (!other.empty() && (kept.empty() || other < kept))
        kept = other;
}

template <typename T>
void keep_larger(std::optional<T> &kept, const std::optional<T> &other) {
    if (other && (!kept || *other > *kept))
        kept = other;
}

bool is_smaller(Numeric a, Numeric b) {
    return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a), NumericGetDatum(b)));
}

// Of a key that both objects have, the second's value.
Jsonb *united(Jsonb *a, Jsonb *b) {
    return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

// The same rules as those of message_statements.
void merge_facts(MessageFacts &kept, const MessageFacts &other) {
    keep_smaller(kept.provider, other.provider);
    keep_smaller(kept.direction, other.direction);
    keep_smaller(kept.sender, other.sender);
    keep_smaller(kept.recipient, other.recipient);
    keep_smaller(kept.message_type, other.message_type);
    keep_smaller(kept.content, other.content);
    keep_smaller(kept.media_url, other.media_url);
    if (other.price != nullptr && (kept.price == nullptr || is_smaller(other.price, kept.price)))
        kept.price = other.price;
    keep_smaller(kept.price_unit, other.price_unit);
    keep_larger(kept.num_segments, other.num_segments);
    keep_smaller(kept.pricing_category, other.pricing_category);
    keep_larger(kept.billable, other.billable);
    if (other.campaign_id != nullptr &&
        (kept.campaign_id == nullptr || std::memcmp(other.campaign_id->data, kept.campaign_id->data, UUID_LEN) < 0))
        kept.campaign_id = other.campaign_id;
    if (other.metadata != nullptr && other.metadata != kept.metadata)
        kept.metadata = kept.metadata == nullptr ? other.metadata : united(other.metadata, kept.metadata);
    if (other.created_at && (!kept.created_at || *other.created_at < *kept.created_at))
        kept.created_at = other.created_at;
}

bool error_precedes(EventTime time, const ErrorInfo &error, EventTime other_time, const ErrorInfo &other) {
    if (time != other_time)
        return time < other_time;
    // No code sorts before any, Meta's 0 among them.
    if (error.code != other.code)
        return error.code < other.code;
    if (error.title != other.title)
        return error.title < other.title;
    return error.details < other.details;
}

void merge_observation(MessageChange &change, const Observation &o) {
    observe(change.status, o.state, o.event_time);
    merge_facts(change.facts, o.facts);
    if (is_failure(o.state) && o.error.any() &&
        (!change.error_at || error_precedes(o.event_time, o.error, *change.error_at, change.error))) {
        change.error_at = o.event_time;
        change.error = o.error;
    }
}

// The observations in the order of sorts_before.
Vector<Observation *> sort_observations(Vector<Observation> &observations) {
    Vector<Observation *> sorted;
    for (Observation &o : observations)
        sorted.push(&o);
    std::sort(sorted.begin(), sorted.end(), sorts_before);
    return sorted;
}

// Of each observation the first repetition.
Vector<Observation *> distinct_of(const Vector<Observation *> &sorted) {
    Vector<Observation *> distinct;
    for (Observation *o : sorted)
        if (distinct.empty() || compare_identity(*distinct.back(), *o) != 0)
            distinct.push(o);
    return distinct;
}

// What the observations say, by message.
Vector<MessageChange> changes_of(const Vector<Observation *> &sorted, const Vector<Observation *> &distinct) {
    Vector<MessageChange> changes;
    for (const Observation *o : sorted) {
        if (changes.empty() || changes.back().message_id != o->message_id) {
            changes.push({});
            changes.back().message_id = o->message_id;
            changes.back().received_at = o->received_at;
            changes.back().last_received_at = o->received_at;
        }
        changes.back().received_at = std::min(changes.back().received_at, o->received_at);
        changes.back().last_received_at = std::max(changes.back().last_received_at, o->received_at);
        merge_observation(changes.back(), *o);
    }
    std::size_t first = 0;
    for (MessageChange &change : changes) {
        std::size_t last = first;
        while (last < distinct.size() && distinct[last]->message_id == change.message_id)
            ++last;
        change.observations = {distinct.begin() + first, last - first};
        first = last;
    }
    return changes;
}

// Writes the trail of the messages that were written: what is new, and what is told otherwise than before.
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

    Vector<Observation *> added;
    Vector<Observation *> differing;
    for (const MessageChange &change : changes)
        for (Observation *o : change.observations)
            if (o->is_new)
                added.push(o);
            else if (o->differs)
                differing.push(o);
    if (!added.empty())
        insert_events({added.begin(), added.size()});
    if (!differing.empty())
        correct_events({differing.begin(), differing.size()});
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

bool are_mostly_new(const Vector<MessageChange> &changes, const Vector<WrittenMessage> &written) {
    const auto inserted =
        std::count_if(written.begin(), written.end(), [](const WrittenMessage &m) { return m.is_inserted(); });
    return static_cast<std::size_t>(inserted) > changes.size() / 2;
}

void apply_observations(Batch &batch, BatchSeries &series) {
    const Vector<Observation *> sorted = sort_observations(batch.observations);
    const Vector<Observation *> distinct = distinct_of(sorted);
    Vector<MessageChange> changes = changes_of(sorted, distinct);
    // A trigger BEFORE INSERT is not to fire for a message that is left as it is.
    const bool mostly_new = series.mostly_new && !has_trigger_before();
    const Vector<WrittenMessage> written = merge_messages({changes.begin(), changes.size()}, mostly_new);
    series.mostly_new = are_mostly_new(changes, written);
    record_events(changes);
    if (!written.empty())
        reflect_written(written);
    for (const WrittenMessage &message : written)
        series.rollups.add(message);
    mark_applied(batch, sorted, changes);
    reject_kept_out(batch, {changes.begin(), changes.size()});
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
