// The SQL functions through which webhooks come in.
#include "postgres/postgres.hpp"

#include "apply/apply_batch.hpp"
#include "core/ascii.hpp"
#include "postgres/arguments.hpp"
#include "postgres/row_shape.hpp"
#include "webhook/reader.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
}

using namespace msgstatus;

namespace {

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

// Returns whether the text is an id of a message at Twilio: SM or MM, and 32 hexadecimal digits.
bool is_message_sid(Text text) {
    const auto is_hex = [](char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); };
    return text.size() == 34 && (text.starts_with("SM") || text.starts_with("MM")) &&
           std::all_of(text.begin() + 2, text.end(), is_hex);
}

void return_counts(FunctionCallInfo fcinfo, const Vector<Counts> &all) {
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    constexpr std::array columns{ColumnShape{"received", INT4OID}, ColumnShape{"applied", INT4OID},
                                 ColumnShape{"unchanged", INT4OID}, ColumnShape{"rejected", INT4OID},
                                 ColumnShape{"ignored", INT4OID}};
    static_assert(columns.size() == named_counts.size());
    check_result_columns(result->setDesc, columns, "the result of the function");
    for (const Counts &counts : all) {
        std::array<Datum, named_counts.size()> values;
        std::array<bool, named_counts.size()> nulls{};
        for (std::size_t i = 0; i < named_counts.size(); ++i)
            values[i] = Int32GetDatum(counts.*named_counts[i].count);
        tuplestore_putvalues(result->setResult, result->setDesc, values.data(), nulls.data());
    }
}

} // namespace

// Applies a webhook body, and returns the counts of what it held as jsonb. Parameters: the body, of any provider, or an
// array of bodies; the time of receipt, by default that of the transaction; the source, NULL for none. What cannot be
// used becomes a dead letter and raises nothing.
MSGSTATUS_FUNCTION(apply_message_status) {
    if (PG_ARGISNULL(0))
        PG_RETURN_JSONB_P(counts_document({}));
    Batch batch;
    Reader(batch).read_webhook(Json::of_document(PG_GETARG_JSONB_P(0)),
                               context_of(time_argument(fcinfo, 1), text_argument(fcinfo, 2)));
    apply_batch(batch);
    PG_RETURN_JSONB_P(counts_document(batch.counts[0]));
}

// Applies many webhook bodies at once, and returns a row of counts for each, in their order. Parameters: arrays
// of the bodies, their times of receipt and their sources, whose members may be NULL. Raises 2202E unless the arrays
// have one dimension and the same length.
MSGSTATUS_FUNCTION(apply_message_status_batch) {
    const WebhookArrays webhooks = webhook_arguments(fcinfo);
    Batch batch;
    Reader reader(batch);
    for (int i = 0; i < webhooks.payloads.count; ++i)
        webhooks.read(reader, i, webhooks.context(i));
    apply_batch(batch);
    return_counts(fcinfo, batch.counts);
    return 0;
}

// Applies parts of webhooks that were dead letters, as apply_message_status_batch does. Two parameters more: arrays
// with the provider of each part and the address of the business it was sent to, which stood around the part. Raises as
// apply_message_status_batch.
MSGSTATUS_FUNCTION(apply_rejected) {
    const WebhookArrays webhooks = webhook_arguments(fcinfo);
    const ArrayArgument providers = array_argument(fcinfo, 3, TEXTOID, webhooks.payloads.count);
    const ArrayArgument senders = array_argument(fcinfo, 4, TEXTOID, webhooks.payloads.count);
    Batch batch;
    batch.is_replay = true;
    Reader reader(batch);
    for (int i = 0; i < webhooks.payloads.count; ++i) {
        Context context = webhooks.context(i);
        context.provider = providers.text_at(i);
        context.business_address = senders.text_at(i);
        webhooks.read(reader, i, context);
    }
    apply_batch(batch);
    return_counts(fcinfo, batch.counts);
    return 0;
}

// Applies messages as Twilio's REST API returns them, with the source twilio-api, and returns a row of counts for each,
// in their order. Parameter: an array of the messages. For the level refresh: a role that may call this cannot apply
// what no callback of Twilio could say. Raises 22023 for a message without an id of Twilio's, and 2202E for an array of
// several dimensions.
MSGSTATUS_FUNCTION(apply_fetched) {
    const ArrayArgument messages = array_argument(fcinfo, 0, JSONBOID, std::nullopt);
    const Context context = context_of(std::nullopt, "twilio-api");
    Batch batch;
    Reader reader(batch);
    for (int i = 0; i < messages.count; ++i) {
        const Json message = messages.nulls[i] ? Json() : Json::of_document(DatumGetJsonbP(messages.elements[i]));
        if (!message.is_object() || !is_message_sid(message["sid"].string()))
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("messages must be objects whose sid is SM or MM and 32 hexadecimal digits")));
        reader.read_twilio_message(message, context);
    }
    apply_batch(batch);
    return_counts(fcinfo, batch.counts);
    return 0;
}
