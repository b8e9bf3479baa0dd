// The SQL function that shows what a webhook would be read as.
#include "postgres/postgres.hpp"

#include "observation/batch.hpp"
#include "postgres/arguments.hpp"
#include "postgres/row_shape.hpp"
#include "provider/registry.hpp"
#include "types/delivery_state_datum.hpp"
#include "webhook/reader.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
}

using namespace msgstatus;

namespace {

constexpr std::size_t column_count = 14;

// A row of the result; what it does not say is NULL.
struct Row {
    Text outcome;
    Text provider;
    const Observation *observation = nullptr;
    Jsonb *detail = nullptr;
    Text reason;
};

void add_pair(JsonbParseState *&state, const char *key, const JsonbValue &value) {
    JsonbValue name;
    name.type = jbvString;
    name.val.string.val = const_cast<char *>(key);
    name.val.string.len = static_cast<int>(std::string_view(key).size());
    pushJsonbValue(&state, WJB_KEY, &name);
    pushJsonbValue(&state, WJB_VALUE, const_cast<JsonbValue *>(&value));
}

void add_text(JsonbParseState *&state, const char *key, Text text) {
    if (text.empty())
        return;
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    add_pair(state, key, value);
}

// Returns the facts that have no column in the result.
Jsonb *more_of(const Observation &o) {
    const MessageFacts &f = o.facts;
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    add_text(state, "alias", o.alias);
    add_text(state, "direction", f.direction);
    add_text(state, "message_type", f.message_type);
    add_text(state, "content", f.content);
    add_text(state, "media_url", f.media_url);
    JsonbValue number;
    number.type = jbvNumeric;
    if (f.price != nullptr) {
        number.val.numeric = f.price;
        add_pair(state, "price", number);
    }
    add_text(state, "price_unit", f.price_unit);
    if (f.num_segments) {
        number.val.numeric = int64_to_numeric(*f.num_segments);
        add_pair(state, "num_segments", number);
    }
    add_text(state, "pricing_category", f.pricing_category);
    if (f.billable) {
        JsonbValue billable;
        billable.type = jbvBool;
        billable.val.boolean = *f.billable;
        add_pair(state, "billable", billable);
    }
    add_text(state, "error_details", o.error.details);
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

void put_row(ReturnSetInfo *result, const Row &row) {
    std::array<Datum, column_count> values{};
    std::array<bool, column_count> nulls;
    nulls.fill(true);
    const auto put = [&](std::size_t column, Datum value) {
        values[column] = value;
        nulls[column] = false;
    };
    const auto put_text = [&](std::size_t column, Text text) {
        if (!text.empty())
            put(column, PointerGetDatum(text_of(text)));
    };
    put_text(0, row.outcome);
    put_text(1, row.provider);
    if (const Observation *o = row.observation; o != nullptr) {
        put_text(2, o->message_id);
        put(3, state_datum(o->state));
        put(4, TimestampTzGetDatum(o->event_time));
        put_text(5, o->time_of_receipt ? "receipt" : "provider");
        put_text(6, o->facts.recipient);
        put_text(7, o->facts.sender);
        put_text(8, o->participant);
        if (o->error.code)
            put(9, Int32GetDatum(*o->error.code));
        put_text(10, o->error.title);
        put(11, JsonbPGetDatum(more_of(*o)));
    }
    if (row.detail != nullptr)
        put(12, JsonbPGetDatum(row.detail));
    put_text(13, row.reason);
    tuplestore_putvalues(result->setResult, result->setDesc, values.data(), nulls.data());
}

// Says of each shape of a description which condition the body does not meet, if it fits none.
void put_misfits(ReturnSetInfo *result, const Description &description, const Json &body) {
    Place place;
    place.levels[0] = body;
    for (const Shape &shape : description.shapes)
        if (broken_condition(shape.when, place) == nullptr)
            return;
    for (const Shape &shape : description.shapes) {
        const Condition *broken = broken_condition(shape.when, place);
        char *path = pstrdup("");
        for (const Text step : broken->path.steps)
            path = psprintf("%s%s%.*s", path, *path == '\0' ? "" : ".", static_cast<int>(step.size()), step.data());
        const char *wanted = broken->kind == Condition::Kind::present  ? "is missing"
                             : broken->kind == Condition::Kind::absent ? "is there"
                                                                       : "has another value";
        Row row{"does not fit", description.name, nullptr, nullptr, {}};
        row.reason = psprintf(
            "shape %zu%s%.*s: \"%s\" %s", static_cast<std::size_t>(&shape - description.shapes.begin()) + 1,
            shape.name.empty() ? "" : ", ", static_cast<int>(shape.name.size()), shape.name.data(), path, wanted);
        put_row(result, row);
    }
}

bool is_known(Text provider) {
    return provider == "meta" || provider == "twilio" || provider == "aisensy" || find_description(provider) != nullptr;
}

} // namespace

// Returns what a webhook would be read as: a row for each observation, each part that is ignored and each part that
// would be a dead letter; and if nothing is read, for each shape of the named provider, why the body does not fit.
// Parameters: the body; the provider, NULL for none. Raises 22023 for a provider that is not known.
MSGSTATUS_FUNCTION(explain_webhook) {
    const Text provider = text_argument(fcinfo, 1);
    if (!provider.empty() && !is_known(provider))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("unknown provider \"%.*s\"", shown(provider), provider.data()),
                        errhint("The view providers lists them.")));
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    const std::array<ColumnShape, column_count> columns{
        ColumnShape{"outcome", TEXTOID},           ColumnShape{"read_as", TEXTOID},
        ColumnShape{"message_id", TEXTOID},        ColumnShape{"state", InvalidOid, "delivery_state"},
        ColumnShape{"event_time", TIMESTAMPTZOID}, ColumnShape{"time_source", TEXTOID},
        ColumnShape{"recipient", TEXTOID},         ColumnShape{"sender", TEXTOID},
        ColumnShape{"participant", TEXTOID},       ColumnShape{"error_code", INT4OID},
        ColumnShape{"error_title", TEXTOID},       ColumnShape{"more", JSONBOID},
        ColumnShape{"detail", JSONBOID},           ColumnShape{"reason", TEXTOID},
    };
    check_result_columns(result->setDesc, columns, "the result of the function");
    if (PG_ARGISNULL(0))
        return 0;

    const Json body = Json::of_document(PG_GETARG_JSONB_P(0));
    Batch batch;
    Reader reader(batch);
    Vector<Text> ignored;
    reader.collect_ignored(ignored);
    reader.read_webhook(body, context_of(std::nullopt, provider));
    for (const Observation &o : batch.observations)
        put_row(result, {is_incoming(o.state) ? "incoming message" : "status", o.facts.provider, &o, o.detail, {}});
    for (const Text name : ignored)
        put_row(result, {"ignored", name, nullptr, nullptr, "no status of a message"});
    if (const Description *description = provider.empty() ? nullptr : find_description(provider);
        description != nullptr && body.is_object() && batch.observations.empty() && ignored.empty())
        put_misfits(result, *description, body);
    for (const Rejection &rejection : batch.rejections)
        put_row(result, {"dead letter", rejection.provider, nullptr,
                         rejection.payload.exists() ? rejection.payload.to_document() : nullptr, rejection.reason});
    return 0;
}
