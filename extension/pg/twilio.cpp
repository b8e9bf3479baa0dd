// Twilio: status callbacks (as an object of their form fields), messages of the REST API, Event Streams.
// Source: twilio.com/docs/messaging/guides/track-outbound-message-status, /messaging/api/message-resource, /events.
#include "pg/webhook.hpp"

namespace msgstatus {
namespace {

constexpr std::string_view message_events = "com.twilio.messaging.message.";
constexpr std::string_view inbound_events = "com.twilio.messaging.inbound-message.";

// Zero and the empty text stand for no error.
std::optional<int> read_error_code(Fields &fields, std::string_view key) {
    const auto code = fields.integer(key);
    return code && *code != 0 ? code : std::nullopt;
}

Text direction_of(DeliveryState state) {
    return is_incoming(state) ? "inbound" : "outbound";
}

Observation twilio_observation(const Context &context, DeliveryState state) {
    Observation o = new_observation(context);
    o.state = state;
    o.facts.provider = "twilio";
    o.facts.direction = direction_of(state);
    return o;
}

} // namespace

void read_twilio_callback(Reader &reader, const Json &callback, const Context &context) {
    Fields fields(callback);
    const auto message_status = fields.state("MessageStatus");
    const auto sms_status = fields.state("SmsStatus"); // the same under its old name
    const auto state = message_status ? message_status : sms_status;
    if (!state)
        return reader.reject(callback, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    const Text sms_sid = fields.text("SmsSid", "SmsMessageSid");
    o.message_id = fields.text("MessageSid");
    if (o.message_id.empty())
        o.message_id = sms_sid;
    // A callback carries no event time. RawDlrDoneDate has no time zone and stays in the detail.
    set_time(o, Json());
    o.error.code = read_error_code(fields, "ErrorCode");
    o.error.title = fields.text("ErrorMessage");
    o.error.details = fields.text("ChannelStatusMessage");

    o.facts.sender = fields.address("From");
    o.facts.recipient = fields.address("To");
    o.facts.num_segments = fields.integer("NumSegments");
    o.facts.content = fields.text("Body");
    o.facts.media_url = fields.text("MediaUrl0");
    o.facts.message_type = fields.text("MessageType");
    o.detail = fields.rest();
    add_alone(reader, callback, context, o);
}

void read_twilio_page(Reader &reader, const Json &page, const Context &context) {
    page["messages"].for_each_element([&](const Json &resource) { read_twilio_resource(reader, resource, context); });
}

void read_twilio_resource(Reader &reader, const Json &resource, const Context &context) {
    if (!resource.is_object())
        return reader.reject(resource, context, "a message that is not an object");
    Fields fields(resource);
    const auto state = fields.state("status");
    if (!state)
        return reader.reject(resource, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = fields.text("sid");
    o.error.code = read_error_code(fields, "error_code");
    o.error.title = fields.text("error_message");
    if (resource["direction"].is_string())
        o.facts.direction = fields.text("direction") == "inbound" ? "inbound" : "outbound";
    o.facts.sender = fields.address("from");
    o.facts.recipient = fields.address("to");
    o.facts.price = fields.decimal("price");
    o.facts.price_unit = fields.text("price_unit");
    o.facts.num_segments = fields.integer("num_segments");
    o.facts.content = fields.text("body");

    // date_sent is when it was sent; the present state dates from the last update.
    const bool has_sent = !resource["date_sent"].is_null();
    const bool is_sent = *state == DeliveryState::sent;
    Observation sent = o;
    sent.state = DeliveryState::sent;
    sent.error = {};
    const bool adds_sent = contains(states_implying(DeliveryState::sent), *state) && !is_sent && has_sent &&
                           fields.time(sent, "date_sent");
    if (is_sent && has_sent)
        fields.time(o, "date_sent");
    else
        fields.time(o, resource["date_updated"].is_null() ? "date_created" : "date_updated");
    o.detail = fields.rest();
    reader.begin_object(resource, context);
    reader.add(o);
    if (adds_sent)
        reader.add(sent);
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

    Fields fields(data);
    auto state = fields.state("messageStatus");
    if (!state)
        state = parse_state(type.substr((inbound ? inbound_events : message_events).size()));
    if (!state)
        return reader.reject(event, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = fields.text("messageSid");
    if (!fields.time(o, "timestamp"))
        set_time(o, event["time"]);
    o.error.code = read_error_code(fields, "errorCode");
    o.error.title = fields.text("errorMessage");
    o.facts.sender = fields.address("from");
    o.facts.recipient = fields.address("to");
    o.facts.num_segments = fields.integer(data["numSegments"].is_null() ? "numberOfSegments" : "numSegments");
    o.facts.content = fields.text("body");
    o.detail = fields.rest();
    add_alone(reader, event, context, o);
}

} // namespace msgstatus
