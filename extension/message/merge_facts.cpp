#include "message/merge_facts.hpp"

#include <cstring>

namespace msgstatus {
namespace {

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

} // namespace

void merge_observation(MessageChange &change, const Observation &o) {
    observe(change.status, o.state, o.event_time);
    merge_facts(change.facts, o.facts);
    if (is_failure(o.state) && o.error.any() &&
        (!change.error_at || error_precedes(o.event_time, o.error, *change.error_at, change.error))) {
        change.error_at = o.event_time;
        change.error = o.error;
    }
}

} // namespace msgstatus
