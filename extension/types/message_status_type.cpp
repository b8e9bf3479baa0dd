// The SQL type message_status: input, output, binary form, casts from and to jsonb.
#include "postgres/postgres.hpp"

#include "core/event_time.hpp"
#include "core/status_text.hpp"
#include "types/delivery_state_datum.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "utils/jsonb.h"
}

using namespace msgstatus;

namespace {

EventTime valid_time_or_error(TimestampTz time) {
    if (!is_valid_time(time))
        ereport(ERROR,
                (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("time of a message_status is out of range"),
                 errdetail("Times lie between the years 1 and 9999.")));
    return time;
}

void push_string(JsonbParseState **state, JsonbIteratorToken token, std::string_view string) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(string.data());
    value.val.string.len = static_cast<int>(string.size());
    pushJsonbValue(state, token, &value);
}

std::string_view string_of(const JsonbValue &value) {
    return {value.val.string.val, static_cast<std::size_t>(value.val.string.len)};
}

} // namespace

// Returns the status that an object of states and ISO 8601 times describes. Raises 22P02 for bad syntax or an unknown
// state, and 22007 for a bad time.
MSGSTATUS_FUNCTION(message_status_in) {
    const char *text = PG_GETARG_CSTRING(0);
    const ParsedStatus parsed = parse_status(text);
    const std::string_view culprit = parsed.culprit;
    switch (parsed.error) {
    case StatusTextError::none:
        break;
    case StatusTextError::syntax:
        MSGSTATUS_INPUT_ERROR(fcinfo,
                              (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                               errmsg("invalid input syntax for type message_status: \"%.*s\"", shown(text), text),
                               errhint("Write an object of states and ISO 8601 times, such as "
                                       "{\"sent\": \"2024-12-10T10:30:00Z\"}.")));
    case StatusTextError::unknown_state:
        MSGSTATUS_INPUT_ERROR(
            fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                     errmsg("invalid input value for type delivery_state: \"%.*s\"", shown(culprit), culprit.data()),
                     errhint("The states are %s.", list_states())));
    case StatusTextError::bad_time:
        MSGSTATUS_INPUT_ERROR(fcinfo,
                              (errcode(ERRCODE_INVALID_DATETIME_FORMAT),
                               errmsg("invalid time in a message_status: \"%.*s\"", shown(culprit), culprit.data()),
                               errhint("Times are ISO 8601, such as \"2024-12-10T10:30:00Z\".")));
    }
    return status_datum(parsed.status);
}

// Returns the observed states in ascending order with their times in UTC, as a JSON object.
MSGSTATUS_FUNCTION(message_status_out) {
    auto *text = palloc_array(char, max_status_text_size + 1);
    text[format_status(PG_GETARG_STATUS(0), text)] = '\0';
    PG_RETURN_CSTRING(text);
}

// Reads the binary form, which is the stored form in network byte order: version, set of states, times in microseconds
// since 2000. Raises 22P03 for another version or for a time outside the years 1 to 9999.
MSGSTATUS_FUNCTION(message_status_recv) {
    auto *buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const auto version = static_cast<std::uint8_t>(pq_getmsgbyte(buffer));
    if (version != status_version)
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("unsupported version %d of binary message_status", version)));
    Status status;
    status.present = static_cast<StateSet>(pq_getmsgint(buffer, sizeof(StateSet)));
    for (std::size_t i = 0; i < state_count; ++i) {
        if ((status.present >> i & 1U) == 0)
            continue;
        status.time[i] = pq_getmsgint64(buffer);
        if (!is_valid_time(status.time[i]))
            ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                            errmsg("time out of range in binary message_status")));
    }
    // The caller expects the whole message to be read, and refuses a remainder.
    return status_datum(status);
}

// Writes the binary form, as message_status_recv reads it.
MSGSTATUS_FUNCTION(message_status_send) {
    const Status status = PG_GETARG_STATUS(0);
    StringInfoData buffer;
    pq_begintypsend(&buffer);
    pq_sendint8(&buffer, status_version);
    pq_sendint16(&buffer, status.present);
    for (std::size_t i = 0; i < state_count; ++i)
        if ((status.present >> i & 1U) != 0)
            pq_sendint64(&buffer, static_cast<uint64>(status.time[i]));
    PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

// Returns the status that holds one observation. Raises 22008 for a time outside the years 1 to 9999.
MSGSTATUS_FUNCTION(message_status_observation) {
    return status_datum(observation(PG_GETARG_STATE(0), valid_time_or_error(PG_GETARG_TIMESTAMPTZ(1))));
}

// Returns the timeline of reached states, observed and implied, as an object of states and ISO 8601 times in UTC.
MSGSTATUS_FUNCTION(message_status_to_jsonb) {
    const Status reached = timeline(PG_GETARG_STATUS(0));
    JsonbParseState *parse_state = nullptr;
    pushJsonbValue(&parse_state, WJB_BEGIN_OBJECT, nullptr);
    for (std::size_t i = 0; i < state_count; ++i) {
        const auto state = static_cast<DeliveryState>(i);
        const auto time = observed_at(reached, state);
        if (!time)
            continue;
        push_string(&parse_state, WJB_KEY, state_name(state));
        auto *iso = palloc_array(char, max_iso8601_size);
        push_string(&parse_state, WJB_VALUE, {iso, format_iso8601(*time, iso)});
    }
    PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&parse_state, WJB_END_OBJECT, nullptr)));
}

// Returns the status that holds the observations of a timeline. Raises 22023 for a jsonb that is no object, 22P02 for
// an unknown state, and 22007 for a time that is not an ISO 8601 string.
MSGSTATUS_FUNCTION(message_status_from_jsonb) {
    Jsonb *timeline = PG_GETARG_JSONB_P(0);
    if (!JB_ROOT_IS_OBJECT(timeline))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("cannot cast this jsonb to message_status"),
                        errhint("The timeline is an object of states and ISO 8601 times, such as "
                                "{\"sent\": \"2024-12-10T10:30:00Z\"}.")));
    Status status;
    JsonbIterator *iterator = JsonbIteratorInit(&timeline->root);
    JsonbValue value;
    DeliveryState key = DeliveryState::processing;
    for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, true); token != WJB_DONE;
         token = JsonbIteratorNext(&iterator, &value, true)) {
        if (token == WJB_KEY) {
            key = parse_state_or_error(string_of(value));
        } else if (token == WJB_VALUE) {
            const auto time = value.type == jbvString ? parse_iso8601(string_of(value)) : std::nullopt;
            if (!time) {
                const std::string_view name = state_name(key);
                ereport(ERROR, (errcode(ERRCODE_INVALID_DATETIME_FORMAT),
                                errmsg("invalid time of \"%.*s\" in a status timeline", static_cast<int>(name.size()),
                                       name.data()),
                                errhint("Times are ISO 8601 strings, such as \"2024-12-10T10:30:00Z\".")));
            }
            observe(status, key, *time);
        }
    }
    return status_datum(status);
}
