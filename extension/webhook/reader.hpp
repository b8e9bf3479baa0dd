// Reading webhooks: which provider's shape is it, and what does it say was observed.
//
// reader.cpp recognises the shape; meta.cpp, twilio.cpp and aisensy.cpp each read the shapes of one provider. Content
// never raises: what cannot be used becomes a rejection.
#pragma once

#include "observation/batch.hpp"
#include "webhook/content_setting.hpp"
#include "webhook/context.hpp"

namespace msgstatus {

// Unusable parts of one webhook beyond which it is rejected whole, in one row, so that a small body cannot fill a
// table. Meta sends at most 1000 updates in a webhook.
inline constexpr std::size_t max_rejections_per_webhook = 1000;

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

// add_alone adds a status object that holds one observation.
void add_alone(Reader &reader, const Json &object, const Context &context, const Observation &observation);

} // namespace msgstatus
