#include "webhook/reader.hpp"

#include "core/ascii.hpp"
#include "observation/fingerprint.hpp"
#include "observation/validation.hpp"
#include "webhook/fields.hpp"
#include "webhook/providers.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace msgstatus {

// Shapes of the three providers that C++ reads.
enum class Known : std::uint8_t {
    none,
    meta_envelope,
    meta_entry,
    meta_change,
    sns_notification,
    aisensy_project,
    twilio_event,
    twilio_callback,
    twilio_page,
    // No status.
    other_event,
};

namespace {

// Shapes that many providers share. They come last.
enum class Shared : std::uint8_t { none, meta_value, twilio_resource, meta_status, meta_message };

constexpr std::string_view twilio_events = "com.twilio.";

// The members of Meta's status objects, besides id and status. One of them identifies a status object that stands
// alone.
constexpr std::array<std::string_view, 11> status_members{
    "timestamp",
    "recipient_id",
    "recipient_user_id",
    "recipient_participant_id",
    "recipient_participant_user_id",
    "recipient_type",
    "errors",
    "pricing",
    "conversation",
    "biz_opaque_callback_data",
    "gs_id",
};

// Members in which other providers name the address that Meta names in recipient_id.
constexpr std::array<std::string_view, 9> foreign_addresses{
    "recipient", "to", "from", "msisdn", "destination", "phone", "phone_number", "phoneNumber", "address",
};

constexpr std::array<std::string_view, 3> read_without_description{"meta", "twilio", "aisensy"};

// Providers that pass Meta's envelope on.
constexpr std::array<std::string_view, 5> pass_metas_envelope_on{"360dialog", "aisensy", "aws", "gupshup", "wati"};

// Providers that send what is within it alone.
constexpr std::array<std::string_view, 3> send_metas_parts{"360dialog", "aisensy", "meta"};

constexpr const char *no_known_shape = "not a shape of any known webhook";

constexpr std::size_t shortest_phone_number = 8;
constexpr std::size_t longest_phone_number = 15; // E.164

template <std::size_t N>
bool is_one_of(std::string_view key, const std::array<std::string_view, N> &keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_phone_number(std::string_view text) {
    if (text.starts_with('+'))
        text.remove_prefix(1);
    return text.size() >= shortest_phone_number && text.size() <= longest_phone_number && all_digits(text);
}

struct StatusMembers {
    bool has_metas = false;
    bool has_foreign_address = false;
    bool has_others = false; // beside id and status
};

StatusMembers members_of_status(const Json &object) {
    StatusMembers found;
    object.for_each_member([&](std::string_view key, const Json &value) {
        if (is_one_of(key, status_members))
            found.has_metas = found.has_others = true;
        else if (key != "id" && key != "message_id" && key != "messageId" && key != "status" && key != "type") {
            found.has_others = true;
            if (is_one_of(key, foreign_addresses) || is_phone_number(value.scalar_text()))
                found.has_foreign_address = true;
        }
    });
    return found;
}

// Returns whether the object is a single status in Meta's form. Reports of other providers have a status and an id too;
// reading them as Meta's would silently lose the recipient and the time. So an object with an address where Meta has
// none belongs to another provider. An object with no other member has nothing to lose.
bool is_single_status(const Json &object) {
    if (!object["status"].exists())
        return false;
    if (is_no_message_status(object) || object["message"]["recipient_id"].exists())
        return true;
    const StatusMembers members = members_of_status(object);
    if (members.has_foreign_address && is_blank(object["recipient_id"]))
        return false;
    return members.has_metas || !members.has_others || !provider_of_id(object["id"].string()).empty();
}

// Returns whether the object is an event of Twilio Conversations, such as onMessageAdded. A status callback has
// EventType too, with values such as READ.
bool is_conversations_event(const Json &object) {
    const Text type = object["EventType"].string();
    return type.size() > 2 && type.starts_with("on") && type[2] >= 'A' && type[2] <= 'Z';
}

// Returns whether the object is an update of a Telegram bot or an activity of Microsoft's Bot Framework.
bool is_bot_message(const Json &object) {
    return object["update_id"].is_number() || (object["channelId"].is_string() && object["serviceUrl"].is_string());
}

// Returns the provider that a shape belongs to.
Text family_of(Known shape) {
    switch (shape) {
    case Known::aisensy_project:
        return "aisensy";
    case Known::twilio_event:
    case Known::twilio_callback:
    case Known::twilio_page:
        return "twilio";
    case Known::none:
    case Known::other_event:
        return {};
    default:
        return "meta";
    }
}

// Returns the shape that an object has of those of Meta, Twilio and AiSensy that no other provider's reports have. The
// order of these checks matters where shapes share members: the most specific shape comes first.
Known known_shape_of(const Json &object) {
    if (object["entry"].exists())
        return Known::meta_envelope;
    if (object["changes"].exists())
        return Known::meta_entry;
    if (object["field"].is_string() && object["value"].exists())
        return Known::meta_change;
    if (object["whatsAppWebhookEntry"].exists() || (object["Message"].is_string() && object["TopicArn"].exists()))
        return Known::sns_notification;
    if (object["topic"].is_string() && object["data"].exists())
        return Known::aisensy_project;
    if (object["type"].string().starts_with(twilio_events))
        return Known::twilio_event;
    if (is_conversations_event(object))
        // A description reads the reports of delivery.
        return object["EventType"].string() == "onDeliveryUpdated" ? Known::none : Known::other_event;
    if (is_bot_message(object))
        return Known::other_event;
    if (object["MessageSid"].exists() || object["SmsSid"].exists() || object["SmsMessageSid"].exists())
        return Known::twilio_callback;
    // Voice calls.
    if (object["CallSid"].is_string() && object["CallStatus"].is_string())
        return Known::other_event;
    if (object["messages"].is_array() && object["next_page_uri"].exists())
        return Known::twilio_page;
    return Known::none;
}

// Returns the shape that an object has of those that many providers share.
Shared shared_shape_of(const Json &object) {
    if (object["statuses"].exists() || object["messages"].exists() || object["messaging_product"].exists())
        return Shared::meta_value;
    if (object["sid"].exists() && object["status"].exists())
        return Shared::twilio_resource;
    if (is_single_status(object))
        return Shared::meta_status;
    if (object["from"].exists() && object["type"].exists() && !object["status"].exists())
        return Shared::meta_message;
    return Shared::none;
}

// Returns whether the provider of the name sends objects of the shape, so that C++ reads them where it is the source.
bool sends(Text provider, Known shape, const Json &object) {
    if (shape == Known::other_event)
        return provider == "twilio" && !is_bot_message(object);
    if (const Text family = family_of(shape); !family.empty())
        return provider == family || (family == "meta" && is_one_of(provider, pass_metas_envelope_on));
    const Shared shared = shared_shape_of(object);
    if (provider == "twilio")
        return shared == Shared::twilio_resource;
    return shared != Shared::none && shared != Shared::twilio_resource && is_one_of(provider, send_metas_parts);
}

} // namespace

void Reader::read_webhook(const Json &webhook, const Context &context) {
    batch_.counts.push({});
    first_rejection_ = batch_.rejections.size();
    read_any(webhook, context);

    if (batch_.rejections.size() - first_rejection_ <= max_rejections_per_webhook)
        return;
    Rejection whole = batch_.rejections[first_rejection_];
    whole.reason = "more than 1000 parts cannot be used";
    whole.payload = webhook;
    batch_.rejections.truncate(first_rejection_);
    batch_.rejections.push(whole);
}

void Reader::read_twilio_message(const Json &message, const Context &context) {
    batch_.counts.push({});
    first_rejection_ = batch_.rejections.size();
    read_twilio_resource(*this, message, context);
}

void Reader::read_any(const Json &value, const Context &context) {
    CHECK_FOR_INTERRUPTS();
    if (context.nesting > max_nesting)
        return reject(value, context, too_deep);
    if (value.is_object())
        return read_object(value, context);
    if (!value.is_array())
        return reject(value, context, "not a JSON object");
    Context inner = context;
    ++inner.nesting;
    value.for_each_element([&](const Json &element) { read_any(element, inner); });
}

// Reads an object by its most specific shape. Shapes of Meta, Twilio and AiSensy are looked for first, so that they are
// recognized without looking at descriptions; descriptions come before shapes that many providers share.
void Reader::read_object(const Json &object, const Context &context) {
    const Known shape = known_shape_of(object);
    if (shape != Known::none && (!has_own_descriptions() || !read_by_description(object, context, shape)))
        return read_known(shape, object, context);
    if (shape != Known::none || read_by_description(object, context, shape))
        return;
    recognized_ = {};
    // A part of a provider's webhook that was a dead letter is not another's.
    if (!context.provider.empty() && !is_one_of(context.provider, read_without_description) &&
        find_description(context.provider) != nullptr)
        return reject(object, context, no_known_shape);
    switch (shared_shape_of(object)) {
    case Shared::meta_value:
        return read_meta_value(*this, object, context);
    case Shared::twilio_resource:
        return read_twilio_resource(*this, object, context);
    case Shared::meta_status:
        return read_meta_status(*this, object, context);
    case Shared::meta_message:
        return read_meta_message(*this, object, context);
    case Shared::none:
        return reject(object, context, no_known_shape);
    }
}

void Reader::read_known(Known shape, const Json &object, const Context &context) {
    recognized_ = family_of(shape);
    switch (shape) {
    case Known::meta_envelope:
        return read_meta_envelope(*this, object, context);
    case Known::meta_entry:
        return read_meta_entry(*this, object, context);
    case Known::meta_change:
        return read_meta_change(*this, object, context);
    case Known::sns_notification:
        return read_sns_notification(object, context);
    case Known::aisensy_project:
        return read_aisensy_project_webhook(*this, object, context);
    case Known::twilio_event:
        return read_twilio_event(*this, object, context);
    case Known::twilio_callback:
        return read_twilio_callback(*this, object, context);
    case Known::twilio_page:
        return read_twilio_page(*this, object, context);
    case Known::other_event:
    case Known::none:
        return ignore();
    }
}

// Only descriptions of define_provider() compete with a known shape. A source that names a provider whose shape fits
// decides, also where one description fits alone, and else the provider that a dead letter had. Without either, an
// object that several fit is nobody's.
bool Reader::read_by_description(const Json &object, const Context &context, Known shape) {
    const Vector<Fit> fits = fits_of(object, shape != Known::none);
    if (fits.empty())
        return false;
    const Fit *chosen = nullptr;
    for (const Text name : {context.source, context.provider}) {
        if (name.empty() || chosen != nullptr)
            continue;
        for (const Fit &fit : fits)
            if (fit.description->name == name)
                chosen = &fit;
        if (chosen == nullptr && sends(name, shape, object))
            return false;
    }
    if (chosen == nullptr && fits.size() == 1 && family_of(shape).empty())
        chosen = &fits[0];
    if (chosen == nullptr) {
        reject(object, context, "of a shape of several providers, none of which is the source");
        return true;
    }
    if (ignored_ != nullptr)
        recognized_ = {pnstrdup(chosen->description->name.data(), chosen->description->name.size()),
                       chosen->description->name.size()};
    read_described(*this, *chosen, object, context);
    return true;
}

// AWS Social delivers Meta's entries through SNS: as a document in a string, once or twice nested.
void Reader::read_sns_notification(const Json &object, const Context &context) {
    const Json entry = object["whatsAppWebhookEntry"];
    if (!entry.exists())
        return read_embedded(object, object["Message"], context);
    if (entry.is_string())
        return read_embedded(object, entry, context);
    Context inner = context;
    ++inner.nesting;
    read_any(entry, inner);
}

void Reader::read_embedded(const Json &object, const Json &text, const Context &context) {
    const Json embedded = parse_json(text.string());
    if (!embedded.exists())
        return reject(object, context, "the text in the notification is not JSON");
    Context inner = context;
    ++inner.nesting;
    read_any(embedded, inner);
}

void Reader::reject(const Json &part, const Context &context, const char *reason) {
    Counts &counts = batch_.counts.back();
    ++counts.received;
    ++counts.rejected;
    // Beyond the limit, the webhook is stored whole instead; one rejection more than the limit marks this.
    if (batch_.rejections.size() - first_rejection_ > max_rejections_per_webhook)
        return;
    Rejection rejection;
    rejection.received_at = context.received_at;
    rejection.source = context.source;
    rejection.provider = context.provider;
    rejection.sender = context.business_address;
    rejection.reason = reason;
    rejection.payload = kept_of(part, context);
    rejection.webhook = static_cast<std::uint32_t>(batch_.counts.size() - 1);
    batch_.rejections.push(rejection);
}

void Reader::begin_object(const Json &object, const Context &context) {
    object_ = object;
    context_ = context;
    problem_ = object.nests_too_deep() ? too_deep : nullptr;
    first_observation_ = batch_.observations.size();
    content_left_out_ = false;
}

void Reader::leave_out_content(Observation &o) {
    if (o.facts.direction != "inbound" || content_settings_.keeps(o.facts.provider))
        return;
    content_left_out_ = true;
    o.facts.content = {};
    o.facts.media_url = {};
    o.detail = nullptr;
}

Json Reader::kept_of(const Json &part, const Context &context) {
    if (content_left_out_)
        return without_content(part);
    if (context.may_hold_content && !content_settings_.keeps(context.provider))
        return without_content(part);
    const bool is_twilio =
        part["Body"].exists() || part["body"].exists() || part["data"]["body"].exists() || part["MediaUrl0"].exists();
    const bool is_meta = part["type"].exists() && (part["from"].exists() || part["from_user_id"].exists());
    if ((!is_twilio && !is_meta) || content_settings_.keeps_all())
        return part;
    Text provider = context.provider;
    if (provider.empty())
        provider = is_twilio ? Text("twilio") : provider_of_id(part["id"].string());
    return content_settings_.keeps(provider) ? part : without_content(part);
}

void Reader::add(Observation observation) {
    leave_out_content(observation);
    if (problem_ == nullptr)
        problem_ = problem_of(observation);
    // A status is worth more than its message's second id.
    if (observation.alias.size() > max_message_id_size || observation.alias == observation.message_id)
        observation.alias = {};
    observation.object = static_cast<std::uint32_t>(batch_.objects.size());
    observation.fingerprint = fingerprint_of(observation);
    observation.digest = digest_of(observation);
    batch_.observations.push(observation);
}

void Reader::end_object() {
    if (problem_ != nullptr) {
        batch_.observations.truncate(first_observation_);
        reject(object_, context_, problem_);
        content_left_out_ = false;
        return;
    }
    StatusObject object;
    object.webhook = static_cast<std::uint32_t>(batch_.counts.size() - 1);
    object.payload = content_left_out_ ? without_content(object_) : object_;
    content_left_out_ = false;
    object.provider = context_.provider;
    object.business_address = context_.business_address;
    batch_.objects.push(object);
    ++batch_.counts.back().received;
}

void add_alone(Reader &reader, const Json &object, const Context &context, const Observation &observation) {
    reader.begin_object(object, context);
    reader.add(observation);
    reader.end_object();
}

} // namespace msgstatus
