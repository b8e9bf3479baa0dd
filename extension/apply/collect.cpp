#include "apply/collect.hpp"

#include "message/merge_facts.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace msgstatus {
namespace {

int compare_details(const Jsonb *a, const Jsonb *b) {
    if (a == nullptr || b == nullptr)
        return (a != nullptr) - (b != nullptr);
    return compareJsonbContainers(const_cast<JsonbContainer *>(&a->root), const_cast<JsonbContainer *>(&b->root));
}

Text text_of_document(Jsonb *document) {
    return JsonbToCString(nullptr, &document->root, static_cast<int>(VARSIZE(document)));
}

// Of the repetitions of one observation the one that stays comes first. The same order as in correct_events;
// test/pgtap/trail_repetitions.sql compares the two.
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

} // namespace

int compare_identity(const Observation &a, const Observation &b) {
    if (const int by_id = a.message_id.compare(b.message_id); by_id != 0)
        return by_id;
    return a.fingerprint < b.fingerprint ? -1 : a.fingerprint > b.fingerprint;
}

Vector<Observation *> sort_observations(Vector<Observation> &observations) {
    Vector<Observation *> sorted;
    for (Observation &o : observations)
        sorted.push(&o);
    std::sort(sorted.begin(), sorted.end(), sorts_before);
    return sorted;
}

Vector<Observation *> distinct_of(const Vector<Observation *> &sorted) {
    Vector<Observation *> distinct;
    for (Observation *o : sorted)
        if (distinct.empty() || compare_identity(*distinct.back(), *o) != 0)
            distinct.push(o);
    return distinct;
}

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

} // namespace msgstatus
