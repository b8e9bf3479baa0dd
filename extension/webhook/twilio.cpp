// Twilio: status callbacks (as an object of their form fields), messages of the REST API, Event Streams.
// Source: twilio.com/docs/messaging/guides/track-outbound-message-status, /messaging/api/message-resource, /events.
#include "core/ascii.hpp"
#include "core/phone.hpp"
#include "observation/validation.hpp"
#include "webhook/fields.hpp"
#include "webhook/providers.hpp"

namespace msgstatus {
namespace {

constexpr std::string_view message_events = "com.twilio.messaging.message.";
constexpr std::string_view inbound_events = "com.twilio.messaging.inbound-message.";

// Reads an error code. Zero and the empty text mean no error.
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

Text lower_case(Text text) {
    auto *lower = static_cast<char *>(palloc(text.size() + 1));
    std::transform(text.begin(), text.end(), lower, to_lower);
    return {lower, text.size()};
}

// Reads an address without its channel. The detail keeps a channel other than WhatsApp as "channel".
Text read_address(Fields &fields, std::string_view key) {
    const Text given = trim(fields.text_or_number(key));
    const ChannelAddress split = split_channel(given);
    if (!split.channel.empty() && !equals_ignoring_case(split.channel, "whatsapp"))
        fields.add("channel", lower_case(split.channel));
    // Ids of Messenger users consist of digits but are not phone numbers.
    return split.is_phone ? address_of(split.address) : split.address;
}

// Returns the state of the first member with a value: the label of another member does not replace an unknown label.
std::optional<DeliveryState> first_state(Fields &fields, std::string_view key, std::string_view other) {
    const auto state = fields.state(key);
    const auto other_state = fields.state(other);
    return is_blank(fields.object()[key]) ? other_state : state;
}

} // namespace

void read_twilio_callback(Reader &reader, const Json &callback, const Context &context) {
    Fields fields(callback);
    const auto state = first_state(fields, "MessageStatus", "SmsStatus"); // the same under its old name
    if (!state)
        return reader.reject(callback, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    const Text sms_sid = fields.text({"SmsSid", "SmsMessageSid"});
    o.message_id = fields.text("MessageSid");
    if (o.message_id.empty())
        o.message_id = sms_sid;
    // A callback has no event time. RawDlrDoneDate has no time zone and stays in the detail.
    set_time(o, Json());
    o.error.code = read_error_code(fields, "ErrorCode");
    o.error.title = fields.text("ErrorMessage");
    o.error.details = fields.text("ChannelStatusMessage");

    o.facts.recipient = read_address(fields, "To");
    o.facts.sender = read_address(fields, "From");
    // ChannelToAddress repeats the recipient; Twilio may mask its digits.
    if (o.facts.recipient.empty() && callback["ChannelToAddress"].string().find('*') == std::string_view::npos)
        o.facts.recipient = read_address(fields, "ChannelToAddress");
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
    o.facts.recipient = read_address(fields, "to");
    o.facts.sender = read_address(fields, "from");
    o.facts.price = fields.decimal("price");
    o.facts.price_unit = fields.text("price_unit");
    o.facts.num_segments = fields.integer("num_segments");
    o.facts.content = fields.text("body");

    // date_sent is the time of state sent; date_updated is the time of the present state.
    const bool has_sent = !is_blank(resource["date_sent"]);
    const bool is_sent = *state == DeliveryState::sent;
    Observation sent = o;
    sent.state = DeliveryState::sent;
    sent.error = {};
    const bool adds_sent = contains(states_implying(DeliveryState::sent), *state) && !is_sent && has_sent &&
                           fields.time(sent, "date_sent");
    if (is_sent && has_sent)
        fields.time(o, "date_sent");
    else
        fields.time(o, is_blank(resource["date_updated"]) ? "date_created" : "date_updated");
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
    if (is_blank(data["messageStatus"]))
        state = parse_state(type.substr((inbound ? inbound_events : message_events).size()));
    if (!state)
        return reader.reject(event, context, unknown_state);

    Observation o = twilio_observation(context, *state);
    o.message_id = fields.text("messageSid");
    if (!fields.time(o, "timestamp"))
        set_time(o, event["time"]);
    o.error.code = read_error_code(fields, "errorCode");
    o.error.title = fields.text("errorMessage");
    o.facts.recipient = read_address(fields, "to");
    o.facts.sender = read_address(fields, "from");
    o.facts.num_segments = fields.integer(is_blank(data["numSegments"]) ? "numberOfSegments" : "numSegments");
    o.facts.content = fields.text("body");
    o.detail = fields.rest();
    add_alone(reader, event, context, o);
}

} // namespace msgstatus
