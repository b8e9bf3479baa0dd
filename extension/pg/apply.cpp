// apply_message_status: webhooks in, merged statuses and an audit trail in the tables.
//
// Why two calls never deadlock, and why nothing is lost at READ COMMITTED, is told in docs/design.md ("Concurrency").
#include "pg/postgres.hpp"

#include "pg/tables.hpp"
#include "pg/webhook.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
}

using namespace msgstatus;

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
    return a.detail != nullptr && b.detail != nullptr && text_of_document(a.detail) < text_of_document(b.detail);
}

// By message, so that every call locks in the same order; repetitions together, the one that stays first.
bool sorts_before(const Observation &a, const Observation &b) {
    if (const int by_identity = compare_identity(a, b); by_identity != 0)
        return by_identity < 0;
    if (precedes(a, b))
        return true;
    if (precedes(b, a))
        return false;
    return a.object < b.object;
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

// The same rules as those of the statement in upsert_messages.
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
    change.has_new_observation = change.has_new_observation || o.is_new;
}

// Calls visit(first, last) for each run of observations of one message.
template <typename Visit>
void for_each_message(Vector<Observation> &observations, Visit visit) {
    Observation *first = observations.begin();
    while (first != observations.end()) {
        Observation *last = first + 1;
        while (last != observations.end() && last->message_id == first->message_id)
            ++last;
        visit(first, last);
        first = last;
    }
}

void apply_observations(Batch &batch) {
    std::sort(batch.observations.begin(), batch.observations.end(), sorts_before);
    Vector<Observation> distinct;
    for (const Observation &o : batch.observations)
        if (distinct.empty() || compare_identity(distinct.back(), o) != 0)
            distinct.push(o);

    insert_events({distinct.begin(), distinct.size()});
    Vector<Observation *> known;
    for (Observation &o : distinct)
        if (!o.is_new)
            known.push(&o);
    if (!known.empty())
        correct_events({known.begin(), known.size()});

    // Repetitions take part in the merge: they may hold facts of their own.
    for (std::size_t i = 0, d = 0; i < batch.observations.size(); ++i) {
        if (compare_identity(batch.observations[i], distinct[d]) != 0)
            ++d;
        const bool is_first = i == 0 || compare_identity(batch.observations[i], batch.observations[i - 1]) != 0;
        batch.observations[i].is_new = is_first && distinct[d].is_new;
    }
    Vector<MessageChange> changes;
    for_each_message(batch.observations, [&](const Observation *first, const Observation *last) {
        MessageChange change;
        change.message_id = first->message_id;
        for (const Observation *o = first; o != last; ++o)
            merge_observation(change, *o);
        changes.push(change);
    });
    Vector<Text> changed;
    upsert_messages({changes.begin(), changes.size()}, changed);

    for (const Observation &o : batch.observations)
        if (o.is_new)
            batch.objects[o.object].applied = true;
    // Known observations may have told a new fact.
    for (Text id : changed) {
        const auto change = std::lower_bound(changes.begin(), changes.end(), id,
                                             [](const MessageChange &c, Text text) { return c.message_id < text; });
        if (change == changes.end() || change->message_id != id || change->has_new_observation)
            continue;
        const auto o = std::lower_bound(batch.observations.begin(), batch.observations.end(), id,
                                        [](const Observation &x, Text text) { return x.message_id < text; });
        batch.objects[o->object].applied = true;
    }
}

void apply(Batch &batch) {
    if (!batch.observations.empty() || !batch.rejections.empty()) {
        TableAccess access;
        if (!batch.observations.empty())
            apply_observations(batch);
        if (!batch.rejections.empty())
            insert_rejections({batch.rejections.begin(), batch.rejections.size()});
        access.close();
    }
    for (const StatusObject &object : batch.objects) {
        Counts &counts = batch.counts[object.webhook];
        ++(object.applied ? counts.applied : counts.unchanged);
    }
}

Context context_of(std::optional<TimestampTz> received_at, Text source) {
    Context context;
    context.received_at = received_at.value_or(GetCurrentTransactionStartTimestamp());
    if (!is_valid_time(context.received_at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("received_at is out of range"),
                        errdetail("Times lie between the years 1 and 9999.")));
    if (source.size() > max_label_size)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
                        errmsg("source is longer than %zu bytes", max_label_size)));
    context.source = source;
    return context;
}

struct NamedCount {
    const char *name;
    int Counts::*count;
};

constexpr std::array named_counts{
    NamedCount{"received", &Counts::received},   NamedCount{"applied", &Counts::applied},
    NamedCount{"unchanged", &Counts::unchanged}, NamedCount{"rejected", &Counts::rejected},
    NamedCount{"ignored", &Counts::ignored},
};

Jsonb *counts_document(const Counts &counts) {
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    for (const NamedCount &named : named_counts) {
        JsonbValue value;
        value.type = jbvString;
        value.val.string.val = const_cast<char *>(named.name);
        value.val.string.len = static_cast<int>(std::string_view(named.name).size());
        pushJsonbValue(&state, WJB_KEY, &value);
        value.type = jbvNumeric;
        value.val.numeric = int64_to_numeric(counts.*named.count);
        pushJsonbValue(&state, WJB_VALUE, &value);
    }
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

Text text_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? Text() : view_of(PG_GETARG_TEXT_PP(n));
}

std::optional<TimestampTz> time_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::nullopt : std::optional(PG_GETARG_TIMESTAMPTZ(n));
}

struct ArrayArgument {
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;

    Text text_at(int i) const { return nulls[i] ? Text() : view_of(DatumGetTextPP(elements[i])); }
};

ArrayArgument array_argument(FunctionCallInfo fcinfo, int n, Oid type, std::optional<int> expected_count) {
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(n);
    ArrayArgument argument;
    const bool is_time = type == TIMESTAMPTZOID;
    deconstruct_array(array, type, is_time ? 8 : -1, is_time && FLOAT8PASSBYVAL,
                      is_time ? TYPALIGN_DOUBLE : TYPALIGN_INT, &argument.elements, &argument.nulls, &argument.count);
    if (ARR_NDIM(array) > 1 || (expected_count && argument.count != *expected_count))
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("the arrays must have one dimension and the same length")));
    return argument;
}

// The first three arguments of the functions that take many webhooks.
struct WebhookArrays {
    ArrayArgument payloads;
    ArrayArgument times;
    ArrayArgument sources;

    Context context(int i) const {
        return context_of(times.nulls[i] ? std::nullopt : std::optional(DatumGetTimestampTz(times.elements[i])),
                          sources.text_at(i));
    }

    void read(Reader &reader, int i, const Context &context) const {
        if (payloads.nulls[i])
            reader.skip_webhook();
        else
            reader.read_webhook(Json::of_document(DatumGetJsonbP(payloads.elements[i])), context);
    }
};

WebhookArrays webhook_arguments(FunctionCallInfo fcinfo) {
    const ArrayArgument payloads = array_argument(fcinfo, 0, JSONBOID, std::nullopt);
    return {payloads, array_argument(fcinfo, 1, TIMESTAMPTZOID, payloads.count),
            array_argument(fcinfo, 2, TEXTOID, payloads.count)};
}

void return_counts(FunctionCallInfo fcinfo, const Vector<Counts> &all) {
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    for (const Counts &counts : all) {
        std::array<Datum, named_counts.size()> values;
        std::array<bool, named_counts.size()> nulls{};
        for (std::size_t i = 0; i < named_counts.size(); ++i)
            values[i] = Int32GetDatum(counts.*named_counts[i].count);
        tuplestore_putvalues(result->setResult, result->setDesc, values.data(), nulls.data());
    }
}

} // namespace

MSGSTATUS_FUNCTION(apply_message_status) {
    if (PG_ARGISNULL(0))
        PG_RETURN_JSONB_P(counts_document({}));
    Batch batch;
    Reader(batch).read_webhook(Json::of_document(PG_GETARG_JSONB_P(0)),
                               context_of(time_argument(fcinfo, 1), text_argument(fcinfo, 2)));
    apply(batch);
    PG_RETURN_JSONB_P(counts_document(batch.counts[0]));
}

MSGSTATUS_FUNCTION(apply_message_status_batch) {
    const WebhookArrays webhooks = webhook_arguments(fcinfo);
    Batch batch;
    Reader reader(batch);
    for (int i = 0; i < webhooks.payloads.count; ++i)
        webhooks.read(reader, i, webhooks.context(i));
    apply(batch);
    return_counts(fcinfo, batch.counts);
    return 0;
}

MSGSTATUS_FUNCTION(apply_rejected) {
    const WebhookArrays webhooks = webhook_arguments(fcinfo);
    const ArrayArgument providers = array_argument(fcinfo, 3, TEXTOID, webhooks.payloads.count);
    const ArrayArgument senders = array_argument(fcinfo, 4, TEXTOID, webhooks.payloads.count);
    Batch batch;
    Reader reader(batch);
    for (int i = 0; i < webhooks.payloads.count; ++i) {
        Context context = webhooks.context(i);
        context.provider = providers.text_at(i);
        context.business_address = senders.text_at(i);
        webhooks.read(reader, i, context);
    }
    apply(batch);
    return_counts(fcinfo, batch.counts);
    return 0;
}

MSGSTATUS_FUNCTION(reject_webhook) {
    if (PG_ARGISNULL(0))
        PG_RETURN_VOID();
    const Context context = context_of(time_argument(fcinfo, 2), text_argument(fcinfo, 3));
    const Text reason = PG_ARGISNULL(1) ? Text("not said") : text_argument(fcinfo, 1);
    TableAccess access;
    insert_rejected_body(view_of(PG_GETARG_TEXT_PP(0)), reason, context.received_at, context.source);
    access.close();
    PG_RETURN_VOID();
}
