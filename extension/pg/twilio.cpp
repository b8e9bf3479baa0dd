// Twilio: status callbacks (as an object of their form fields), messages of the REST API, Event Streams.
// Source: twilio.com/docs/messaging/guides/track-outbound-message-status, /messaging/api/message-resource, /events.
#include "pg/webhook.hpp"

#include "core/ascii.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace msgstatus {
namespace {

constexpr std::string_view message_events = "com.twilio.messaging.message.";
constexpr std::string_view inbound_events = "com.twilio.messaging.inbound-message.";

// Zero and the empty text stand for no error.
std::optional<int> error_code_of(const Json &value) {
    const auto code = value.integer();
    return code && *code != 0 ? code : std::nullopt;
}

Text direction_of(DeliveryState state) {
    return is_incoming(state) ? "inbound" : "outbound";
}

// A decimal number, or null for anything else; numeric's own input would raise. Without trailing zeros: they make two
// numbers that are equal, and of which the first to come would stay.
Numeric price_of(const Json &value) {
    const std::string_view text = trim(value.scalar_text());
    std::string_view digits = text;
    if (digits.starts_with('-') || digits.starts_with('+'))
        digits.remove_prefix(1);
    const std::size_t point = digits.find('.');
    const bool valid = digits.size() <= 40 && all_digits(digits.substr(0, point)) &&
                       (point == std::string_view::npos || all_digits(digits.substr(point + 1)));
    if (!valid)
        return nullptr;
    const Datum price = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(text.data(), text.size())),
                                            ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
    return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, price));
}

void add_alone(Reader &reader, const Json &object, const Context &context, const Observation &observation) {
    reader.begin_object(object, context);
    reader.add(observation);
    reader.end_object();
}

Observation twilio_observation(const Context &context, DeliveryState state) {
    Observation o = new_observation(context);
    o.state = state;
    o.facts.provider = "twilio";
    o.facts.direction = direction_of(state);
    return o;
}

constexpr const char *unknown_state = "the status is missing or names no known state";

} // namespace

void read_twilio_callback(Reader &reader, const Json &callback, const Context &context) {
    const auto state = state_of(callback.first_of("MessageStatus", "SmsStatus"));
    if (!state)
        return reader.reject(callback, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = callback.first_of("MessageSid", "SmsSid").string();
    if (o.message_id.empty())
        o.message_id = callback["SmsMessageSid"].string();
    // A callback carries no event time. RawDlrDoneDate has no time zone and stays in the detail.
    set_time(o, Json());
    o.error.code = error_code_of(callback["ErrorCode"]);
    o.error.title = callback["ErrorMessage"].string();
    o.error.details = callback["ChannelStatusMessage"].string();

    o.facts.sender = address_of(callback["From"]);
    o.facts.recipient = address_of(callback["To"]);
    o.facts.num_segments = callback["NumSegments"].integer();
    if (is_incoming(*state)) {
        o.facts.content = callback["Body"].string();
        o.facts.media_url = callback["MediaUrl0"].string();
        o.facts.message_type = callback["MessageType"].string();
    }

    constexpr std::array<std::string_view, 11> kept_elsewhere{
        "MessageSid", "SmsSid",    "SmsMessageSid", "MessageStatus", "SmsStatus",  "From",
        "To",         "ErrorCode", "ErrorMessage",  "ApiVersion",    "NumSegments"};
    o.detail = callback.without(kept_elsewhere);
    add_alone(reader, callback, context, o);
}

void read_twilio_page(Reader &reader, const Json &page, const Context &context) {
    page["messages"].for_each_element([&](const Json &resource) { read_twilio_resource(reader, resource, context); });
}

void read_twilio_resource(Reader &reader, const Json &resource, const Context &context) {
    if (!resource.is_object())
        return reader.reject(resource, context, "a message that is not an object");
    const auto state = state_of(resource["status"]);
    if (!state)
        return reader.reject(resource, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = resource["sid"].string();
    o.error.code = error_code_of(resource["error_code"]);
    o.error.title = resource["error_message"].string();
    if (resource["direction"].is_string())
        o.facts.direction = resource["direction"].string() == "inbound" ? "inbound" : "outbound";
    o.facts.sender = address_of(resource["from"]);
    o.facts.recipient = address_of(resource["to"]);
    o.facts.price = price_of(resource["price"]);
    o.facts.price_unit = resource["price_unit"].string();
    o.facts.num_segments = resource["num_segments"].integer();
    if (o.facts.direction == "inbound")
        o.facts.content = resource["body"].string();

    constexpr std::array<std::string_view, 13> kept_elsewhere{
        "sid",   "status",     "error_code",   "error_message", "direction", "from",       "to",
        "price", "price_unit", "num_segments", "body",          "uri",       "api_version"};
    o.detail = resource.without(kept_elsewhere);

    // date_sent is when it was sent; the present state dates from the last update.
    const Json sent = resource["date_sent"];
    const bool is_sent = *state == DeliveryState::sent;
    set_time(o, is_sent && !sent.is_null() ? sent : resource.first_of("date_updated", "date_created"));
    reader.begin_object(resource, context);
    reader.add(o);
    if (contains(states_implying(DeliveryState::sent), *state) && !is_sent && !sent.is_null()) {
        Observation earlier = o;
        earlier.state = DeliveryState::sent;
        earlier.error = {};
        earlier.detail = nullptr;
        if (set_time(earlier, sent))
            reader.add(earlier);
    }
    reader.end_object();
}

void read_twilio_event(Reader &reader, const Json &event, const Context &context) {
    const Text type = event["type"].string();
    const bool inbound = type.starts_with(inbound_events);
    if (!inbound && !type.starts_with(message_events))
        return reader.ignore();
    const Json data = event["data"];
    if (!data.is_object())
        return reader.reject(event, context, "an event whose data is not an object");

    auto state = state_of(data["messageStatus"]);
    if (!state)
        state = parse_state(type.substr((inbound ? inbound_events : message_events).size()));
    if (!state)
        return reader.reject(event, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = data["messageSid"].string();
    set_time(o, data["timestamp"].is_null() ? event["time"] : data["timestamp"]);
    o.error.code = error_code_of(data["errorCode"]);
    o.error.title = data["errorMessage"].string();
    o.facts.sender = address_of(data["from"]);
    o.facts.recipient = address_of(data["to"]);
    o.facts.num_segments = data.first_of("numSegments", "numberOfSegments").integer();
    if (inbound)
        o.facts.content = data["body"].string();

    constexpr std::array<std::string_view, 8> kept_elsewhere{"messageSid", "messageStatus", "timestamp", "from",
                                                             "to",         "errorMessage",  "errorCode", "numSegments"};
    o.detail = data.without(kept_elsewhere);
    add_alone(reader, event, context, o);
}

} // namespace msgstatus
