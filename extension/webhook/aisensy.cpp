// AiSensy's project webhooks. AiSensy's flat form is Meta's without the envelope; meta.cpp reads it.
#include "observation/validation.hpp"
#include "webhook/fields.hpp"
#include "webhook/providers.hpp"

namespace msgstatus {
namespace {

struct TimedState {
    std::string_view member;
    DeliveryState state;
};

// The times that a project webhook may have, several at once.
constexpr std::array timed_states{
    TimedState{"sent_at", DeliveryState::sent},
    TimedState{"delivered_at", DeliveryState::delivered},
    TimedState{"read_at", DeliveryState::read},
    TimedState{"failed_at", DeliveryState::failed},
};

constexpr std::string_view status_topic = "message.status.updated";

} // namespace

void read_aisensy_project_webhook(Reader &reader, const Json &webhook, const Context &context) {
    if (webhook["topic"].string() != status_topic)
        return reader.ignore();
    const Json message = webhook["data"]["message"];
    if (!message.is_object())
        return reader.reject(webhook, context, "a status update without a message");
    Fields fields(message);
    const auto state = fields.state("status");
    if (!state)
        return reader.reject(webhook, context, unknown_state);

    Observation o = new_observation(context);
    o.message_id = fields.text({"messageId", "id"});
    // AiSensy's own id. Not by `fields`, so that the detail has it as before.
    o.alias = message["id"].string();
    o.state = *state;
    o.facts.provider = "aisensy";
    o.facts.direction = is_incoming(*state) ? "inbound" : "outbound";
    o.facts.recipient = fields.address({"phone_number", "phoneNumber"});
    o.facts.message_type = fields.text("message_type");
    const Json failure = message["failureResponse"];
    ErrorInfo error;
    error.code = failure["code"].integer();
    error.title = failure["reason"].string();

    reader.begin_object(webhook, context);
    set_time(o, Json());
    for (const TimedState &timed : timed_states) {
        if (timed.state == *state) {
            fields.time(o, timed.member);
            continue;
        }
        Observation other = o;
        other.state = timed.state;
        if (is_failure(timed.state))
            other.error = error;
        // An impossible time is no evidence for any state except the present one.
        if (fields.time(other, timed.member))
            reader.add(other);
    }
    if (is_failure(*state))
        o.error = error;
    o.detail = fields.rest();
    reader.add(o);
    reader.end_object();
}

} // namespace msgstatus
