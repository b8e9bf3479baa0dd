// Reads webhooks: recognizes the provider's shape and collects the observations.
//
// reader.cpp recognizes the shape; meta.cpp, twilio.cpp and aisensy.cpp each read the shapes of one provider, and
// described.cpp those of all others, by descriptions. Content never raises: a part that cannot be used becomes a
// rejection.
#pragma once

#include "observation/batch.hpp"
#include "webhook/content_setting.hpp"
#include "webhook/context.hpp"

namespace msgstatus {

// The most unusable parts of one webhook. A webhook with more is rejected whole, in one row, so that a small body
// cannot fill a table. Meta sends at most 1000 updates in a webhook.
inline constexpr std::size_t max_rejections_per_webhook = 1000;

inline constexpr const char *too_deep = "nested more than 200 levels deep";

// The shapes that C++ reads and no description; see reader.cpp.
enum class Known : std::uint8_t;

// Collects the observations and rejections of the webhooks of one call.
class Reader {
public:
    explicit Reader(Batch &batch) : batch_(batch) {}

    // Reads one webhook into the batch, with an entry of its own in the counts.
    void read_webhook(const Json &webhook, const Context &context);

    // Reads one message of Twilio's REST API, with an entry of its own in the counts. No other shape is recognized.
    void read_twilio_message(const Json &message, const Context &context);

    // Counts a webhook that is SQL NULL.
    void skip_webhook() { batch_.counts.push({}); }

    // Reads any object that a webhook may contain, recognized by its shape.
    void read_any(const Json &value, const Context &context);

    // Counts a part that is no status.
    void ignore() {
        ++batch_.counts.back().ignored;
        if (ignored_ != nullptr)
            ignored_->push(recognized_);
    }

    // Collects the provider of each part that is ignored, an empty text where it is not known.
    void collect_ignored(Vector<Text> &ignored) { ignored_ = &ignored; }

    // Rejects a part that cannot be used, with a reason (a literal) that a person understands.
    void reject(const Json &part, const Context &context, const char *reason);

    // Opens a status object. add() adds its observations, and end_object() closes it. If one observation cannot be
    // used, the object is rejected whole.
    void begin_object(const Json &object, const Context &context);
    void add(Observation observation);
    void end_object();

private:
    void read_object(const Json &object, const Context &context);
    void read_known(Known shape, const Json &object, const Context &context);
    // Reads an object by the description that it fits; returns false if it fits none, or if its known shape counts.
    bool read_by_description(const Json &object, const Context &context, Known shape);
    void read_sns_notification(const Json &object, const Context &context);
    void read_embedded(const Json &object, const Json &text, const Context &context);

    // Removes the content from an observation of an incoming message if it must not be stored. Removes the whole
    // detail, because a detail may hold texts under any name.
    void leave_out_content(Observation &observation);
    // Returns the part as a dead letter stores it: without content, if it may be an incoming message whose content is
    // not stored.
    Json kept_of(const Json &part, const Context &context);

    Batch &batch_;
    ContentSettings content_settings_;
    // Whether the open status object has content that must not be stored.
    bool content_left_out_ = false;
    // The provider of the object that is read; kept only for collect_ignored.
    Text recognized_;
    Vector<Text> *ignored_ = nullptr;
    // The open status object.
    Json object_;
    Context context_;
    const char *problem_ = nullptr;
    std::size_t first_observation_ = 0;
    std::size_t first_rejection_ = 0;
};

// Adds a status object that has one observation.
void add_alone(Reader &reader, const Json &object, const Context &context, const Observation &observation);

} // namespace msgstatus
