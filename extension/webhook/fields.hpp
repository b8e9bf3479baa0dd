// Reading an object member by member, so that whatever found no column of its own is left as the detail.
#pragma once

#include <initializer_list>

#include "observation/observation.hpp"

namespace msgstatus {

// The members of a status object. Each reader returns what the member says and counts it as read if it could make use
// of it, or if it is null; a member of another kind than expected is absent to the reader, and stays in the detail.
class Fields {
public:
    explicit Fields(const Json &object) : object_(object) {}

    // The bytes of a string.
    Text text(std::string_view key);
    // Those of the first of the members that holds any: an empty text and a null hide no later member.
    Text text(std::initializer_list<std::string_view> keys);

    // A phone number as "+<digits>", or any other address as it is; from a string or a number.
    Text address(std::string_view key);
    // The first of the members that holds one.
    Text address(std::initializer_list<std::string_view> keys);

    // The bytes of a string, or the digits of a number.
    Text text_or_number(std::string_view key);

    // add puts a member into the rest, unless the object has one of that name or one was added before.
    void add(std::string_view key, Text value);

    // A whole number within `int`.
    std::optional<int> integer(std::string_view key);

    // A decimal number of at most 40 digits, without trailing zeros: they would make two values that are equal.
    Numeric decimal(std::string_view key);

    // A state. Read in any case: without one, the object is rejected whole.
    std::optional<DeliveryState> state(std::string_view key);

    // time sets the event time of the observation from the member, or to the time of receipt where it is missing,
    // unreadable or impossible: before 2000, or more than a day after receipt. Tells whether it was usable.
    bool time(Observation &observation, std::string_view key);

    const Json &object() const { return object_; }

    // A palloc'd document of what was not read; null where nothing is left.
    Jsonb *rest() const;

private:
    // Counts the member as read if `useful`, or if there is nothing in it.
    void note(std::string_view key, const Json &value, bool useful);

    Json object_;
    std::array<std::string_view, 24> read_;
    std::size_t count_ = 0;
    std::string_view added_key_;
    Text added_;
};

// is_blank returns whether a value says nothing: it is absent, null, or a text of white space alone.
bool is_blank(const Json &value);

// set_time does what Fields::time does, from a value.
bool set_time(Observation &observation, const Json &value);

// address_of does what Fields::address does, from a value.
Text address_of(const Json &value);

} // namespace msgstatus
