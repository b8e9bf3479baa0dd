// Meta's WhatsApp Cloud API, and the providers that pass its shape on (AiSensy, 360dialog, Gupshup, Wati, AWS).
// Source: developers.facebook.com/docs/whatsapp/cloud-api/webhooks.
#include "observation/validation.hpp"
#include "webhook/fields.hpp"
#include "webhook/providers.hpp"

namespace msgstatus {
namespace {

constexpr std::string_view wamid_prefix = "wamid.";

// The message_status in the answer to a send call is "accepted" or this.
constexpr std::string_view held_back = "held_for_quality_assessment";

ErrorInfo read_error(const Json &error) {
    ErrorInfo info;
    info.code = error["code"].integer();
    info.title = error["title"].string();
    const Text message = error["message"].string();
    if (info.title.empty())
        info.title = message;
    info.details = error["error_data"]["details"].string();
    if (info.details.empty() && message != info.title)
        info.details = message;
    return info;
}

// Returns the first of `errors`, the one that Meta's own tools show. The detail keeps all of them.
ErrorInfo first_error(const Json &errors) {
    ErrorInfo info;
    if (errors.is_object())
        return read_error(errors);
    if (!errors.is_array())
        return info;
    bool first = true;
    errors.for_each_element([&](const Json &error) {
        if (first)
            info = read_error(error);
        first = false;
    });
    return info;
}

void read_pricing(MessageFacts &facts, const Json &pricing) {
    facts.pricing_category = pricing["category"].string();
    if (pricing["billable"].is_bool())
        facts.billable = pricing["billable"].boolean();
}

Text content_of(const Json &message, Text type) {
    if (type == "text")
        return message["text"]["body"].string();
    if (type == "button")
        return message["button"]["text"].string();
    if (type == "interactive") {
        const Json interactive = message["interactive"];
        const Text button = interactive["button_reply"]["title"].string();
        const Text item = interactive["list_reply"]["title"].string();
        return !button.empty() ? button : !item.empty() ? item : interactive["nfm_reply"]["body"].string();
    }
    return message[type]["caption"].string();
}

// Returns the phone number of a user whom a status names only by user id, if the contacts beside the status have it;
// else nothing.
Text phone_number_of(const Context &context, Text user_id) {
    Text found;
    if (user_id.empty() || !context.contacts.is_array())
        return found;
    context.contacts.for_each_element([&](const Json &contact) {
        if (found.empty() && contact["user_id"].string() == user_id)
            found = address_of(contact["wa_id"]);
    });
    return found;
}

// Returns the phone number of the user whose id is under `key`, or the id if no contact has the number.
Text address_of_user(Fields &fields, const Context &context, std::string_view key) {
    const Text user_id = fields.address(key);
    const Text number = phone_number_of(context, user_id);
    return number.empty() ? user_id : number;
}

// The On-Premises API (2.45 and later) names the recipient within `message`.
Text recipient_of(Fields &fields, const Context &context) {
    if (const Text recipient = fields.address("recipient_id"); !recipient.empty())
        return recipient;
    if (const Text recipient = address_of(fields.object()["message"]["recipient_id"]); !recipient.empty())
        return recipient;
    return address_of_user(fields, context, "recipient_user_id");
}

// Returns whether a message is an incoming one: it has a sender, a time or a type.
bool is_incoming(const Json &message) {
    return message["from"].exists() || message["from_user_id"].exists() || message["timestamp"].exists() ||
           message["type"].exists();
}

// Returns whether a message comes from the answer to a send call: such a message has an id and mostly a status. The
// members around incoming messages include `metadata`; those around answers name the product, or the On-Premises API.
bool is_answer_to_send(const Json &value, const Json &message) {
    if (message["message_status"].exists())
        return true;
    const bool is_metas = value["messaging_product"].exists() || value["meta"].exists() ||
                          !provider_of_id(message["id"].string()).empty();
    return is_metas && !value["metadata"].exists() && message["id"].exists() && !is_incoming(message);
}

int count_elements(const Json &array) {
    int count = 0;
    if (array.is_array())
        array.for_each_element([&](const Json &) { ++count; });
    return count;
}

// Returns the recipient of the only message of an answer; nothing for several messages, because the contacts do not
// name theirs.
Text recipient_of_answer(const Json &value) {
    Text recipient;
    if (count_elements(value["messages"]) != 1 || count_elements(value["contacts"]) != 1)
        return recipient;
    value["contacts"].for_each_element([&](const Json &contact) {
        recipient = Fields(contact).address({"wa_id", "input"});
    });
    return recipient;
}

// Returns the value as a dead letter of one of its lists: without the other, which would be read again with it.
Json value_without(const Json &value, std::string_view list) {
    Jsonb *rest = value.without({&list, 1});
    return rest == nullptr ? value : Json::of_document(rest);
}

// Reads a message of the answer to Meta's send call.
void read_meta_answer(Reader &reader, const Json &value, const Json &message, const Context &context) {
    Fields fields(message);
    auto state = fields.state("message_status");
    if (message["message_status"].string() == held_back)
        state = DeliveryState::pending;
    else if (is_blank(message["message_status"]))
        state = DeliveryState::accepted;
    if (!state)
        return reader.reject(message, context, unknown_state);

    Observation o = new_observation(context);
    o.message_id = fields.text("id");
    o.state = *state;
    // The answer has no time.
    set_time(o, Json());
    if (value["messaging_product"].exists())
        o.facts.provider = "meta";
    if (o.facts.provider.empty())
        o.facts.provider = provider_of_id(o.message_id);
    o.facts.direction = "outbound";
    o.facts.recipient = recipient_of_answer(value);
    o.detail = fields.rest();
    add_alone(reader, message, context, o);
}

} // namespace

Text provider_of_id(Text id) {
    if (id.starts_with(wamid_prefix))
        return "meta";
    if (id.size() == 34 && (id.starts_with("SM") || id.starts_with("MM")))
        return "twilio";
    return {};
}

bool is_no_message_status(const Json &status) {
    const Text type = status["type"].string();
    return type == "payment" || type == "call";
}

void read_meta_envelope(Reader &reader, const Json &envelope, const Context &context) {
    // Webhooks of Messenger and Instagram, from the same app.
    const Text object = envelope["object"].string();
    if (object == "page" || object == "instagram")
        return reader.ignore();
    const Json entries = envelope["entry"];
    if (!entries.is_array())
        return reader.reject(envelope, context, "\"entry\" is not an array");
    Context inner = context;
    inner.provider = "meta";
    entries.for_each_element([&](const Json &entry) { read_meta_entry(reader, entry, inner); });
}

void read_meta_entry(Reader &reader, const Json &entry, const Context &context) {
    const Json changes = entry["changes"];
    if (!changes.is_array())
        return reader.reject(entry, context, "an entry without an array of changes");
    Context inner = context;
    inner.provider = "meta";
    changes.for_each_element([&](const Json &change) { read_meta_change(reader, change, inner); });
}

void read_meta_change(Reader &reader, const Json &change, const Context &context) {
    if (!change.is_object())
        return reader.reject(change, context, "a change that is not an object");
    // Updates of templates, accounts, quality, calls and groups are not statuses of messages.
    const Json field = change["field"];
    if (field.is_string() && field.string() != "messages")
        return reader.ignore();
    if (!change["value"].is_object())
        return reader.reject(change, context, "a change whose value is not an object");
    Context inner = context;
    inner.provider = "meta";
    read_meta_value(reader, change["value"], inner);
}

void read_meta_value(Reader &reader, const Json &value, const Context &context) {
    Context inner = context;
    // Only AiSensy sends bare statuses without Meta's envelope.
    if (inner.provider.empty())
        inner.provider = value["messaging_product"].exists() || value["metadata"].exists() ? "meta" : "aisensy";
    inner.business_address = address_of(value["metadata"]["display_phone_number"]);
    inner.contacts = value["contacts"];

    const Json statuses = value["statuses"];
    if (statuses.is_array())
        statuses.for_each_element([&](const Json &status) { read_meta_status(reader, status, inner); });
    else if (!statuses.is_null())
        reader.reject(value_without(value, "messages"), inner, "\"statuses\" is not an array");

    const Json messages = value["messages"];
    if (messages.is_array())
        messages.for_each_element([&](const Json &message) {
            // A page of messages from Twilio has the same member.
            if (message["sid"].exists())
                return read_twilio_resource(reader, message, context);
            if (is_answer_to_send(value, message))
                return read_meta_answer(reader, value, message, context);
            if (message.is_object() && !is_incoming(message))
                return reader.reject(message, inner, "neither an incoming message nor the answer to a send");
            read_meta_message(reader, message, inner);
        });
    else if (!messages.is_null())
        reader.reject(value_without(value, "statuses"), inner, "\"messages\" is not an array");

    // Errors of the account, contacts and the like.
    if (statuses.is_null() && messages.is_null())
        reader.ignore();
}

void read_meta_status(Reader &reader, const Json &status, const Context &context) {
    if (!status.is_object())
        return reader.reject(status, context, "a status that is not an object");
    if (is_no_message_status(status))
        return reader.ignore();
    Fields fields(status);
    const auto state = fields.state("status");
    if (!state)
        return reader.reject(status, context, unknown_state);

    Observation o = new_observation(context);
    o.message_id = fields.text({"id", "message_id", "messageId"});
    // The id that Gupshup gave the sender, who knows no other. Not by `fields`, so that the detail has it as before.
    o.alias = status["gs_id"].string();
    o.state = *state;
    fields.time(o, "timestamp");
    o.error = first_error(status["errors"]);

    if (o.facts.provider.empty())
        o.facts.provider = provider_of_id(o.message_id);
    o.facts.direction = is_incoming(*state) ? "inbound" : "outbound";
    o.facts.sender = context.business_address;
    o.facts.recipient = recipient_of(fields, context);
    // In a group, each participant reports in an object of its own. The participant is part of the identity of the
    // event, so it must not depend on the contacts beside the status, which may differ in a redelivery.
    o.participant = fields.address({"recipient_participant_id", "recipient_participant_user_id"});
    read_pricing(o.facts, status["pricing"]);
    o.detail = fields.rest();
    add_alone(reader, status, context, o);
}

void read_meta_message(Reader &reader, const Json &message, const Context &context) {
    if (!message.is_object())
        return reader.reject(message, context, "a message that is not an object");
    Fields fields(message);
    Observation o = new_observation(context);
    o.message_id = fields.text("id");
    o.state = DeliveryState::received;
    fields.time(o, "timestamp");
    o.error = first_error(message["errors"]);

    if (o.facts.provider.empty())
        o.facts.provider = provider_of_id(o.message_id);
    o.facts.direction = "inbound";
    o.facts.sender = fields.address("from");
    if (o.facts.sender.empty())
        o.facts.sender = address_of_user(fields, context, "from_user_id");
    o.facts.recipient = context.business_address;
    o.facts.message_type = fields.text("type");
    o.facts.content = content_of(message, o.facts.message_type);
    o.detail = fields.rest();
    add_alone(reader, message, context, o);
}

} // namespace msgstatus
