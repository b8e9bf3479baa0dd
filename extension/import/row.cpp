#include "import/row.hpp"

#include "core/ascii.hpp"
#include "import/row_document.hpp"
#include "observation/fingerprint.hpp"
#include "observation/validation.hpp"
#include "types/delivery_state_datum.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "funcapi.h"
}

namespace msgstatus {
namespace {

constexpr const char *impossible_time = "a time is unreadable, before 2000, or more than a day ahead";
constexpr const char *not_a_timeline = "the timeline is not a JSON object of states and times";
constexpr const char *unknown_direction = "the direction is neither inbound nor outbound";
constexpr const char *bad_metadata = "the metadata is not a JSON object";
constexpr const char *long_provider = "the provider is longer than 256 bytes";

// Stores a code that is no number in the detail, as readers of webhooks do.
Jsonb *detail_of_code(Text code) {
    JsonbParseState *state = nullptr;
    JsonbValue text;
    text.type = jbvString;
    const auto push = [&](JsonbIteratorToken token, Text value) {
        text.val.string.val = const_cast<char *>(value.data());
        text.val.string.len = static_cast<int>(value.size());
        pushJsonbValue(&state, token, &text);
    };
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    push(WJB_KEY, "error_code");
    push(WJB_VALUE, code);
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

std::optional<EventTime> earliest_time(const Status &status) {
    std::optional<EventTime> earliest;
    for (std::size_t i = 0; i < state_count; ++i)
        if (const auto time = observed_at(status, static_cast<DeliveryState>(i));
            time && (!earliest || *time < *earliest))
            earliest = time;
    return earliest;
}

// The values of a row, collected column by column.
class ImportedRow {
public:
    explicit ImportedRow(const ImportContext &context) : context_(context) { facts_.provider = context.provider; }

    // Takes a value that is not null.
    void take(const ImportColumn &column, Datum value);

    // Adds the observations to the batch. Returns nullptr on success, else a literal with the reason of the rejection.
    const char *add_to(Batch &batch);

private:
    void fail(const char *problem) {
        if (problem_ == nullptr)
            problem_ = problem;
    }

    bool is_possible(EventTime time) const { return is_possible_time(time, context_.received_at); }

    std::optional<EventTime> possible_time(std::optional<EventTime> time);
    void observe_at(DeliveryState state, std::optional<EventTime> time);
    void take_status(const ImportColumn &column, Datum value);
    void take_state(Text label);
    void take_timeline(const Json &timeline);
    void take_direction(Text direction);
    void take_metadata(const Json &metadata);
    void take_code(const ImportColumn &column, Datum value);
    void settle_state();
    void settle_direction();
    Observation observation_of(DeliveryState state) const;

    const ImportContext &context_;
    const char *problem_ = nullptr;
    Text message_id_;
    MessageFacts facts_;
    ErrorInfo error_;
    Text other_code_; // an error code that is no number
    // The states with a time in the row.
    Status told_;
    // The state in `status`, and the columns with its time.
    std::optional<DeliveryState> state_;
    std::optional<EventTime> state_at_;
    std::optional<EventTime> updated_at_;
    // The state without a time in the row.
    std::optional<DeliveryState> timeless_;
};

std::optional<EventTime> ImportedRow::possible_time(std::optional<EventTime> time) {
    if (time && is_possible(*time))
        return time;
    fail(impossible_time);
    return std::nullopt;
}

void ImportedRow::observe_at(DeliveryState state, std::optional<EventTime> time) {
    if (const auto possible = possible_time(time))
        observe(told_, state, *possible);
}

void ImportedRow::take(const ImportColumn &column, Datum value) {
    switch (column.field) {
    case ImportField::message_id:
        message_id_ = text_in(column, value);
        break;
    case ImportField::status:
        take_status(column, value);
        break;
    case ImportField::status_at:
        state_at_ = possible_time(time_in(column, value));
        break;
    case ImportField::updated_at:
        updated_at_ = possible_time(time_in(column, value));
        break;
    case ImportField::state_at:
        observe_at(column.state, time_in(column, value));
        break;
    case ImportField::created_at:
        facts_.created_at = possible_time(time_in(column, value));
        break;
    case ImportField::direction:
        take_direction(text_in(column, value));
        break;
    case ImportField::sender:
        facts_.sender = address_of(text_in(column, value));
        break;
    case ImportField::recipient:
        facts_.recipient = address_of(text_in(column, value));
        break;
    case ImportField::text:
        if (const Text text = text_in(column, value); !text.empty())
            (column.fact != nullptr ? facts_.*column.fact : error_.*column.error_text) = text;
        break;
    case ImportField::error_code:
        take_code(column, value);
        break;
    case ImportField::campaign_id:
        facts_.campaign_id = DatumGetUUIDP(value);
        break;
    case ImportField::metadata:
        take_metadata(column.type == ImportType::jsonb ? Json::of_document(DatumGetJsonbP(value))
                                                       : parse_json(text_in(column, value)));
        break;
    }
}

void ImportedRow::take_status(const ImportColumn &column, Datum value) {
    if (column.type == ImportType::status) {
        const Status status = status_of_datum(value);
        for (std::size_t i = 0; i < state_count; ++i)
            if (const auto state = static_cast<DeliveryState>(i); contains(status.present, state))
                observe_at(state, status.time[i]);
    } else if (column.type == ImportType::state) {
        state_ = state_of_datum(value);
    } else if (column.type == ImportType::jsonb) {
        take_timeline(Json::of_document(DatumGetJsonbP(value)));
    } else if (const Text text = trim(text_in(column, value)); text.starts_with('{')) {
        take_timeline(parse_json(text));
    } else {
        take_state(text);
    }
}

void ImportedRow::take_state(Text label) {
    if (label.empty())
        return;
    state_ = parse_state(label);
    if (!state_)
        fail(unknown_state);
}

void ImportedRow::take_timeline(const Json &timeline) {
    if (timeline.exists() && timeline.is_null())
        return;
    if (timeline.is_string())
        return take_state(trim(timeline.string()));
    if (!timeline.is_object())
        return fail(not_a_timeline);
    timeline.for_each_member([this](std::string_view key, const Json &time) {
        const auto state = parse_state(key);
        if (!state)
            return fail(unknown_state);
        if (!time.is_null())
            observe_at(*state, parse_event_time(time.scalar_text()));
    });
}

void ImportedRow::take_direction(Text direction) {
    // Twilio writes outbound-api and the like.
    constexpr std::string_view inbound = "inbound";
    constexpr std::string_view outbound = "outbound";
    if (equals_ignoring_case(direction.substr(0, inbound.size()), inbound))
        facts_.direction = inbound;
    else if (equals_ignoring_case(direction.substr(0, outbound.size()), outbound))
        facts_.direction = outbound;
    else if (!direction.empty())
        fail(unknown_direction);
}

void ImportedRow::take_metadata(const Json &metadata) {
    if (metadata.exists() && metadata.is_null())
        return;
    if (!metadata.is_object() || metadata.nests_too_deep())
        return fail(bad_metadata);
    facts_.metadata = metadata.to_document();
}

void ImportedRow::take_code(const ImportColumn &column, Datum value) {
    error_.code = integer_in(column, value);
    if (!error_.code)
        other_code_ = trim(text_in(column, value));
}

// Adds the state of `status`, unless the row has a time for it or for a later state.
void ImportedRow::settle_state() {
    if (!state_ || contains(told_.present, *state_))
        return;
    if (state_at_)
        return observe(told_, *state_, *state_at_);
    const auto highest = msgstatus::state(told_);
    if (highest && *highest > *state_)
        return;
    timeless_ = state_;
    // The state is known by then, and may be earlier. A later observation corrects a time that is too late, but never
    // one that is too early.
    observe(told_, *state_, std::min(updated_at_.value_or(context_.received_at), context_.received_at));
}

void ImportedRow::settle_direction() {
    if (!facts_.direction.empty())
        return;
    constexpr StateSet incoming = set_of(DeliveryState::processing, DeliveryState::received);
    facts_.direction = (told_.present & incoming) != 0 ? "inbound" : "outbound";
}

Observation ImportedRow::observation_of(DeliveryState state) const {
    Observation o;
    o.message_id = message_id_;
    o.state = state;
    o.event_time = *observed_at(told_, state);
    o.received_at = context_.received_at;
    o.time_of_receipt = timeless_ == state;
    o.source = context_.source;
    o.facts = facts_;
    if (!is_failure(state))
        return o;
    o.error = error_;
    if (!other_code_.empty())
        o.detail = detail_of_code(other_code_);
    return o;
}

const char *ImportedRow::add_to(Batch &batch) {
    settle_state();
    settle_direction();
    if (message_id_.empty())
        problem_ = problem_of({});
    if (facts_.provider.size() > max_label_size)
        fail(long_provider);
    // Twilio's zero means no error.
    if (error_.code == 0 && facts_.provider == "twilio")
        error_.code.reset();
    if (!facts_.created_at)
        facts_.created_at = earliest_time(told_);
    const std::size_t first = batch.observations.size();
    for (std::size_t i = 0; i < state_count && problem_ == nullptr; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        if (!contains(told_.present, state))
            continue;
        Observation o = observation_of(state);
        fail(problem_of(o));
        o.object = static_cast<std::uint32_t>(batch.objects.size());
        o.fingerprint = fingerprint_of(o);
        o.digest = digest_of(o);
        batch.observations.push(o);
    }
    if (problem_ != nullptr)
        batch.observations.truncate(first);
    return problem_;
}

} // namespace

void read_import_row(Batch &batch, const ImportColumns &columns, const ImportContext &context, HeapTuple row,
                     TupleDesc description) {
    std::array<Datum, MaxTupleAttributeNumber> values;
    std::array<bool, MaxTupleAttributeNumber> nulls;
    heap_deform_tuple(row, description, values.data(), nulls.data());
    ImportedRow imported(context);
    for (const ImportColumn &column : columns.columns)
        if (!nulls[column.index])
            imported.take(column, values[column.index]);

    Counts &counts = batch.counts[0];
    const std::size_t first = batch.observations.size();
    if (const char *problem = imported.add_to(batch); problem != nullptr) {
        Rejection rejection;
        rejection.received_at = context.received_at;
        rejection.source = context.source;
        rejection.provider = context.provider;
        rejection.reason = problem;
        rejection.payload = Json::of_document(row_document(row, description));
        batch.rejections.push(rejection);
        ++counts.rejected;
    } else if (batch.observations.size() == first) {
        ++counts.ignored;
    } else {
        batch.objects.push({});
    }
    ++counts.received;
}

} // namespace msgstatus
