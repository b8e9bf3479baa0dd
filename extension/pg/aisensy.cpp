// AiSensy's project webhooks. Its flat form is Meta's without the envelope, and is read there.
#include "pg/webhook.hpp"

namespace msgstatus {
namespace {

struct TimedState {
    std::string_view member;
    DeliveryState state;
};

// The times that a project webhook may carry, several at once.
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
    const auto state = state_of(message["status"]);
    if (!state)
        return reader.reject(webhook, context, "the status is missing or names no known state");

    Observation o = new_observation(context);
    o.message_id = message["messageId"].string();
    o.state = *state;
    o.facts.provider = "aisensy";
    o.facts.direction = is_incoming(*state) ? "inbound" : "outbound";
    o.facts.recipient = address_of(message["phone_number"]);
    o.facts.message_type = message["message_type"].string();

    const Json failure = message["failureResponse"];
    ErrorInfo error;
    error.code = failure["code"].integer();
    error.title = failure["reason"].string();

    reader.begin_object(webhook, context);
    Json present_time;
    for (const TimedState &timed : timed_states) {
        const Json time = message[timed.member];
        if (timed.state == *state) {
            present_time = time;
            continue;
        }
        Observation other = o;
        other.state = timed.state;
        if (is_failure(timed.state))
            other.error = error;
        // A time that cannot be true says nothing about a state that is not the present one.
        if (!time.is_null() && set_time(other, time))
            reader.add(other);
    }
    set_time(o, present_time);
    if (is_failure(*state))
        o.error = error;
    constexpr std::array<std::string_view, 8> kept_elsewhere{
        "messageId", "status", "phone_number", "message_type", "sent_at", "delivered_at", "read_at", "failed_at"};
    o.detail = message.without(kept_elsewhere);
    reader.add(o);
    reader.end_object();
}

} // namespace msgstatus
