#include "observation/validation.hpp"

#include "core/phone.hpp"

namespace msgstatus {
namespace {

constexpr EventTime earliest_event_time = 0; // 2000-01-01
constexpr EventTime latest_after_receipt = microseconds_per_day;

bool too_long(Text text, std::size_t limit) {
    return text.size() > limit;
}

} // namespace

const char *problem_of(const Observation &o) {
    const MessageFacts &f = o.facts;
    if (o.message_id.empty())
        return "the message id is missing, empty or not a string";
    if (too_long(o.message_id, max_message_id_size))
        return "the message id is longer than 512 bytes";
    if (too_long(f.sender, max_address_size) || too_long(f.recipient, max_address_size) ||
        too_long(o.participant, max_address_size))
        return "an address is longer than 256 bytes";
    if (too_long(f.message_type, max_label_size) || too_long(f.price_unit, max_label_size) ||
        too_long(f.pricing_category, max_label_size))
        return "a type, unit or category is longer than 256 bytes";
    if (too_long(o.error.title, max_error_text_size) || too_long(o.error.details, max_error_text_size))
        return "an error text is longer than 8 KiB";
    if (too_long(f.content, max_content_size) || too_long(f.media_url, max_content_size))
        return "the content is longer than 256 KiB";
    return nullptr;
}

bool is_possible_time(EventTime time, EventTime received_at) {
    return time >= earliest_event_time && time <= received_at + latest_after_receipt;
}

Text address_of(Text given) {
    if (given.empty())
        return {};
    auto *normal = static_cast<char *>(palloc(given.size() + 1));
    return {normal, normalize_address(given, normal)};
}

} // namespace msgstatus
