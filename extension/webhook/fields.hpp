// Reads an object member by member, and keeps the members without a column of their own for the detail.
#pragma once

#include <initializer_list>

#include "observation/observation.hpp"

namespace msgstatus {

// The members of a status object. A reader returns the value of a member. It counts the member as read if it could use
// the value or if the value is null. A member of an unexpected kind is absent to the reader and stays in the detail.
class Fields {
public:
    explicit Fields(const Json &object) : object_(object) {}

    // Returns the bytes of a string.
    Text text(std::string_view key);
    // Returns the text of the first member that has any: an empty text or a null hides no later member.
    Text text(std::initializer_list<std::string_view> keys);

    // Returns a phone number as "+<digits>" and any other address unchanged; from a string or a number.
    Text address(std::string_view key);
    // Returns the address of the first member that has one.
    Text address(std::initializer_list<std::string_view> keys);

    // Returns the bytes of a string, or the digits of a number.
    Text text_or_number(std::string_view key);

    // Adds a member to the rest, unless the object has a member of that name or a member was added before.
    void add(std::string_view key, Text value);

    // Returns a whole number within `int`.
    std::optional<int> integer(std::string_view key);

    // Returns a decimal number of at most 40 digits, without trailing zeros, so that equal numbers are equal values.
    Numeric decimal(std::string_view key);

    // Returns the state that a label names, in any case. A status object without a state is rejected whole.
    std::optional<DeliveryState> state(std::string_view key);

    // Sets the event time of the observation from the member. Uses the time of receipt instead if the member is
    // missing, unreadable or impossible: before 2000, or more than a day after receipt. Returns whether the member was
    // usable.
    bool time(Observation &observation, std::string_view key);

    const Json &object() const { return object_; }

    // Returns a palloc'd document of the unread members; null if there are none.
    Jsonb *rest() const;

private:
    // Counts the member as read if `useful`, or if its value is null.
    void note(std::string_view key, const Json &value, bool useful);

    Json object_;
    std::array<std::string_view, 24> read_;
    std::size_t count_ = 0;
    std::string_view added_key_;
    Text added_;
};

// Returns whether a value is absent, null, or a text of white space only.
bool is_blank(const Json &value);

// Sets the event time as Fields::time does, from a value.
bool set_time(Observation &observation, const Json &value);

// Returns a number as Fields::decimal does, from a text; null for any other text.
Numeric decimal_of(Text text);

// Returns an address as Fields::address does, from a value.
Text address_of(const Json &value);

} // namespace msgstatus
