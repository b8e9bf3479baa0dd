#include "webhook/fields.hpp"

#include "core/ascii.hpp"
#include "observation/validation.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace msgstatus {
namespace {

constexpr std::size_t max_decimal_size = 40;

// Checks the text first, because the input function of numeric raises for other texts and accepts "NaN".
bool is_decimal(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+'))
        text.remove_prefix(1);
    const std::size_t point = text.find('.');
    return text.size() <= max_decimal_size && all_digits(text.substr(0, point)) &&
           (point == std::string_view::npos || all_digits(text.substr(point + 1)));
}

} // namespace

void Fields::note(std::string_view key, const Json &value, bool useful) {
    if (!useful && !(value.exists() && value.is_null()))
        return;
    Assert(count_ < read_.size());
    read_[count_++] = key;
}

Text Fields::text(std::string_view key) {
    const Json value = object_[key];
    note(key, value, value.is_string());
    return value.string();
}

Text Fields::text(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys)
        if (const Text found = text(key); !found.empty())
            return found;
    return {};
}

Text Fields::address(std::string_view key) {
    return address_of(text_or_number(key));
}

Text Fields::text_or_number(std::string_view key) {
    const Json value = object_[key];
    note(key, value, value.is_string() || value.is_number());
    return value.scalar_text();
}

void Fields::add(std::string_view key, Text value) {
    if (!added_key_.empty() || object_[key].exists())
        return;
    added_key_ = key;
    added_ = value;
}

Jsonb *Fields::rest() const {
    Jsonb *rest = object_.without({read_.data(), count_});
    return added_key_.empty() ? rest : with_member(rest, added_key_, added_);
}

Text Fields::address(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys)
        if (const Text found = address(key); !found.empty())
            return found;
    return {};
}

std::optional<int> Fields::integer(std::string_view key) {
    const Json value = object_[key];
    const auto number = value.integer();
    note(key, value, number.has_value());
    return number;
}

Numeric Fields::decimal(std::string_view key) {
    const Json value = object_[key];
    const Numeric number = decimal_of(value.scalar_text());
    note(key, value, number != nullptr);
    return number;
}

std::optional<DeliveryState> Fields::state(std::string_view key) {
    const Json value = object_[key];
    note(key, value, true);
    return parse_state(value.string());
}

bool Fields::time(Observation &observation, std::string_view key) {
    const Json value = object_[key];
    const bool useful = set_time(observation, value);
    note(key, value, useful);
    return useful;
}

bool is_blank(const Json &value) {
    return value.is_null() || (value.is_string() && trim(value.string()).empty());
}

bool set_time(Observation &observation, const Json &value) {
    const auto time = parse_event_time(value.scalar_text());
    const bool useful = time && is_possible_time(*time, observation.received_at);
    observation.event_time = useful ? *time : observation.received_at;
    observation.time_of_receipt = !useful;
    return useful;
}

Numeric decimal_of(Text text) {
    text = trim(text);
    if (!is_decimal(text))
        return nullptr;
    const Datum number = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(text.data(), text.size())),
                                             ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
    return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, number));
}

Text address_of(const Json &value) {
    return address_of(value.scalar_text());
}

} // namespace msgstatus
