// The columns of the type message_change: the one list of everything that a change brings to a message. The rows in
// which changes travel, the statements that merge them and the merging within a call are all made from it.
#pragma once

#include <cstring>

#include "message/message_change.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace msgstatus {

// How two values of a column become one. Whichever it is, the result does not depend on the order of webhooks. Within a
// call, `first` takes the smaller.
enum class Merge : std::uint8_t {
    none,     // no fact: it travels along
    fact,     // the smaller, unless register_message gave the column, which is then left alone
    smallest, // the smaller, for no other reason than that it is the same in every order
    largest,
    // What no webhook says stays as it is: register_message replaces it, imports do not.
    first,   // the value of the row, where it has one
    keys,    // an object takes over the members that it has not
    error,   // the values of the earliest failure, ties broken by the columns of this rule in their order
    created, // the earlier, in every statement, with the time of receipt
};

struct ChangeColumn {
    ColumnShape shape;
    // Puts the value that a change has.
    void (*put)(RowBuilder &, const MessageChange &) = nullptr;
    Merge merge = Merge::none;
    // Returns whether a change has a value.
    bool (*is_given)(const MessageChange &) = nullptr;
    // Merges a fact of an observation into a change; null for everything else.
    void (*merge_fact)(MessageFacts &, const MessageFacts &) = nullptr;
    // The column's bit in a set of columns that merge into a row; 0 where it does not. The bits of the rule `fact` are
    // also those of the column `registered`, and so are stored.
    std::uint32_t bit = 0;
};

namespace change_column {

inline bool is_given(Text value) {
    return !value.empty();
}
inline bool is_given(const void *value) {
    return value != nullptr;
}
template <typename T>
bool is_given(const std::optional<T> &value) {
    return value.has_value();
}

inline bool is_less(Text a, Text b) {
    return a < b;
}
inline bool is_less(Numeric a, Numeric b) {
    return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a), NumericGetDatum(b)));
}
inline bool is_less(const pg_uuid_t *a, const pg_uuid_t *b) {
    return std::memcmp(a->data, b->data, UUID_LEN) < 0;
}
template <typename T>
bool is_less(const std::optional<T> &a, const std::optional<T> &b) {
    return *a < *b;
}

inline void put(RowBuilder &row, Text value) {
    row.put_text(value);
}
inline void put(RowBuilder &row, const void *value) {
    row.put_pointer(value);
}
inline void put(RowBuilder &row, EventTime value) {
    row.put_time(value);
}
inline void put(RowBuilder &row, const std::optional<int> &value) {
    row.put_optional(value);
}
inline void put(RowBuilder &row, const std::optional<bool> &value) {
    row.put_optional(value);
}
inline void put(RowBuilder &row, const std::optional<EventTime> &value) {
    if (value)
        row.put_time(*value);
    else
        row.put_null();
}

template <typename T>
inline constexpr Oid type_of = InvalidOid;
template <>
inline constexpr Oid type_of<Text> = TEXTOID;
template <>
inline constexpr Oid type_of<Numeric> = NUMERICOID;
template <>
inline constexpr Oid type_of<const pg_uuid_t *> = UUIDOID;
template <>
inline constexpr Oid type_of<Jsonb *> = JSONBOID;
template <>
inline constexpr Oid type_of<std::optional<int>> = INT4OID;
template <>
inline constexpr Oid type_of<std::optional<bool>> = BOOLOID;
template <>
inline constexpr Oid type_of<EventTime> = TIMESTAMPTZOID;
template <>
inline constexpr Oid type_of<std::optional<EventTime>> = TIMESTAMPTZOID;

template <typename T>
const T &member_of(const MessageChange &change, T MessageChange::*member) {
    return change.*member;
}
template <typename T>
const T &member_of(const MessageChange &change, T MessageFacts::*member) {
    return change.facts.*member;
}
template <typename T>
const T &member_of(const MessageChange &change, T ErrorInfo::*member) {
    return change.error.*member;
}

template <auto member>
inline constexpr Oid type_of_member =
    type_of<std::remove_cvref_t<decltype(member_of(std::declval<const MessageChange &>(), member))>>;

template <auto member>
void put_member(RowBuilder &row, const MessageChange &change) {
    put(row, member_of(change, member));
}

template <auto member>
bool is_member_given(const MessageChange &change) {
    return is_given(member_of(change, member));
}

template <auto member, Merge rule>
void merge_member(MessageFacts &facts, const MessageFacts &others) {
    auto &kept = facts.*member;
    const auto &other = others.*member;
    if (!is_given(other))
        return;
    if constexpr (rule == Merge::keys) {
        // Of a key that both objects have, the value that is kept: the second's.
        if (kept != nullptr && kept != other)
            kept = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(other), JsonbPGetDatum(kept)));
        else
            kept = other;
    } else if (!is_given(kept) || (rule == Merge::largest ? is_less(kept, other) : is_less(other, kept))) {
        kept = other;
    }
}

// A column with the value of a member of MessageChange or of its error.
template <auto member, Merge rule = Merge::none>
consteval ChangeColumn column_of(const char *name) {
    static_assert(type_of_member<member> != InvalidOid);
    return {{name, type_of_member<member>}, put_member<member>, rule, is_member_given<&MessageChange::error_at>};
}

template <auto member, Merge rule>
consteval ChangeColumn fact(const char *name) {
    static_assert(type_of_member<member> != InvalidOid);
    return {
        {name, type_of_member<member>}, put_member<member>, rule, is_member_given<member>, merge_member<member, rule>};
}

void put_fingerprints(RowBuilder &row, const MessageChange &change);
void put_digests(RowBuilder &row, const MessageChange &change);
void put_known_events(RowBuilder &row, const MessageChange &change);
void put_status(RowBuilder &row, const MessageChange &change);
void put_changed_at(RowBuilder &row, const MessageChange &change);

} // namespace change_column

// In the order of the type, which message_change.sql creates and message_change_type checks.
inline constexpr auto change_columns = [] {
    using namespace change_column;
    using F = MessageFacts;
    std::array columns{
        column_of<&MessageChange::message_id>("message_id"),
        ChangeColumn{{"fingerprints", INT8ARRAYOID}, put_fingerprints},
        ChangeColumn{{"digests", INT4ARRAYOID}, put_digests},
        ChangeColumn{{"known_events", BYTEAOID}, put_known_events},
        column_of<&MessageChange::received_at>("received_at"),
        ChangeColumn{{"status", InvalidOid, "message_status"}, put_status},
        fact<&F::provider, Merge::fact>("provider"),
        fact<&F::direction, Merge::fact>("direction"),
        fact<&F::sender, Merge::fact>("sender"),
        fact<&F::recipient, Merge::fact>("recipient"),
        fact<&F::message_type, Merge::fact>("message_type"),
        fact<&F::content, Merge::fact>("content"),
        fact<&F::media_url, Merge::fact>("media_url"),
        column_of<&MessageChange::error_at, Merge::error>("error_at"),
        column_of<&ErrorInfo::code, Merge::error>("error_code"),
        column_of<&ErrorInfo::title, Merge::error>("error_title"),
        column_of<&ErrorInfo::details, Merge::error>("error_details"),
        fact<&F::price, Merge::smallest>("price"),
        fact<&F::price_unit, Merge::smallest>("price_unit"),
        // Twilio says 0 until it knows.
        fact<&F::num_segments, Merge::largest>("num_segments"),
        fact<&F::pricing_category, Merge::smallest>("pricing_category"),
        fact<&F::billable, Merge::largest>("billable"),
        ChangeColumn{{"changed_at", TIMESTAMPTZOID}, put_changed_at},
        fact<&F::campaign_id, Merge::first>("campaign_id"),
        fact<&F::metadata, Merge::keys>("metadata"),
        fact<&F::created_at, Merge::created>("created_at"),
    };
    std::uint32_t bit = 1;
    for (ChangeColumn &column : columns)
        if (column.merge != Merge::none && column.merge != Merge::created) {
            column.bit = bit;
            bit <<= 1;
        }
    return columns;
}();
static_assert(change_columns.size() <= RowBuilder::max_columns);

// Returns the set of the columns for which a condition holds.
template <typename Condition>
constexpr std::uint32_t bits_where(Condition holds) {
    std::uint32_t bits = 0;
    for (const ChangeColumn &column : change_columns)
        bits |= holds(column) ? column.bit : 0;
    return bits;
}

inline constexpr std::uint32_t all_merged_columns = bits_where([](const ChangeColumn &) { return true; });
inline constexpr std::uint32_t error_columns =
    bits_where([](const ChangeColumn &column) { return column.merge == Merge::error; });
inline constexpr std::uint32_t registered_columns =
    bits_where([](const ChangeColumn &column) { return column.merge == Merge::fact; });
static_assert(registered_columns == 127, "the bits of `registered` are stored: none may move");

// Returns the columns that merge into a row and for which a change has a value.
inline std::uint32_t columns_of(const MessageChange &change) {
    return bits_where([&](const ChangeColumn &column) { return column.bit != 0 && column.is_given(change); });
}

} // namespace msgstatus
