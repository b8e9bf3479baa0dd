// Reading webhooks: which provider's shape is it, and what does it say was observed.
//
// webhook.cpp recognises the shape; meta.cpp, twilio.cpp and aisensy.cpp each read the shapes of one provider. Content
// never raises: what cannot be used becomes a rejection.
#pragma once

#include "webhook/content_setting.hpp"
#include "webhook/fields.hpp"
#include "observation/observation.hpp"

namespace msgstatus {

// Unusable parts of one webhook beyond which it is rejected whole, in one row, so that a small body cannot fill a
// table. Meta sends at most 1000 updates in a webhook.
inline constexpr std::size_t max_rejections_per_webhook = 1000;

// What is known around the part being read.
struct Context {
    EventTime received_at = 0;
    Text source;
    Text provider;
    // The business's own number, where the surroundings name it.
    Text business_address;
    // Meta's `contacts` beside the statuses: the phone numbers of users whom they name by user id.
    Json contacts;
    int nesting = 0;
};

// Collects what is read out of the webhooks of one call.
class Reader {
public:
    explicit Reader(Batch &batch) : batch_(batch) {}

    // read_webhook reads one webhook into the batch, counted by an entry of its own.
    void read_webhook(const Json &webhook, const Context &context);

    // skip_webhook counts one that is SQL NULL.
    void skip_webhook() { batch_.counts.push({}); }

    // read_any reads anything a webhook may be, recognised by its shape.
    void read_any(const Json &value, const Context &context);

    // ignore counts a part that is no status.
    void ignore() { ++batch_.counts.back().ignored; }

    // reject keeps a part that cannot be used, with a reason (a literal) that a person understands.
    void reject(const Json &part, const Context &context, const char *reason);

    // begin_object opens a status object; add() adds its observations to it, and end_object closes it. If one of them
    // cannot be used, the object is rejected whole.
    void begin_object(const Json &object, const Context &context);
    void add(Observation observation);
    void end_object();

private:
    void read_object(const Json &object, const Context &context);
    void read_sns_notification(const Json &object, const Context &context);
    void read_embedded(const Json &object, const Json &text, const Context &context);

    // Leaves out of an observation of an incoming message what is not to be stored. A detail may hold texts under any
    // name, so it goes whole.
    void leave_out_content(Observation &observation);
    // What a dead letter keeps of a part: less where it may be an incoming message whose content is not stored.
    Json kept_of(const Json &part, const Context &context);

    Batch &batch_;
    ContentSettings content_settings_;
    // Does the open status object hold content that is not to be stored?
    bool content_left_out_ = false;
    // The open status object.
    Json object_;
    Context context_;
    const char *problem_ = nullptr;
    std::size_t first_observation_ = 0;
    std::size_t first_rejection_ = 0;
};

// problem_of returns why an observation cannot be kept, a literal, or null.
const char *problem_of(const Observation &observation);

// What every shape needs.

// new_observation returns an observation with what the context knows.
Observation new_observation(const Context &context);

// add_alone adds a status object that holds one observation.
void add_alone(Reader &reader, const Json &object, const Context &context, const Observation &observation);

inline constexpr const char *unknown_state = "the status is missing or names no known state";

// Meta (meta.cpp), and all who send its shape.
void read_meta_envelope(Reader &reader, const Json &envelope, const Context &context);
void read_meta_entry(Reader &reader, const Json &entry, const Context &context);
void read_meta_change(Reader &reader, const Json &change, const Context &context);
void read_meta_value(Reader &reader, const Json &value, const Context &context);
void read_meta_status(Reader &reader, const Json &status, const Context &context);
void read_meta_message(Reader &reader, const Json &message, const Context &context);
// provider_of_id returns the provider of a message that stands alone, told by its id; nothing for an unknown form.
Text provider_of_id(Text id);
// is_no_message_status returns whether an object in the shape of a status is known to be about a payment or a call. Any
// other type is a message's, or unknown: what cannot be read of it is to be seen among the dead letters.
bool is_no_message_status(const Json &status);

// Twilio (twilio.cpp).
void read_twilio_callback(Reader &reader, const Json &callback, const Context &context);
void read_twilio_resource(Reader &reader, const Json &resource, const Context &context);
void read_twilio_page(Reader &reader, const Json &page, const Context &context);
void read_twilio_event(Reader &reader, const Json &event, const Context &context);

// AiSensy (aisensy.cpp).
void read_aisensy_project_webhook(Reader &reader, const Json &webhook, const Context &context);

} // namespace msgstatus
