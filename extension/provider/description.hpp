// How a provider's webhooks are read, as a compact structure: what parse_description() makes of a document that
// define_provider() or a file of builtin/ holds.
//
// A description has shapes. A shape says how a body is recognised, where its items are, and where an item has its id,
// state, times and facts. All texts belong to the description.
#pragma once

#include "core/delivery_state.hpp"
#include "postgres/json.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

// A description has many lists of one element.
template <typename T>
using List = Vector<T, 1>;

// Where a path begins.
enum class Root : std::uint8_t {
    item,   // the item itself
    parent, // the element around it, "^."
    body,   // the body, "$."
};

// The members from a root to a value. A step of digits is also the position in an array.
struct Path {
    Root root = Root::item;
    List<Text> steps;
};

// The lists of one list path, from the outermost: in the body, then in each element of the list before.
inline constexpr std::size_t max_list_levels = 3;

struct ListPath {
    List<Path> levels;
};

// A value: of a member, or always the same, or several joined.
struct Source {
    Path path;
    Text constant;
    // Only what follows the last of these in the text.
    Text after;
    List<Path> joined;
    Text separator;
};
// The first that has a value counts.
using Sources = List<Source>;

struct Condition {
    enum class Kind : std::uint8_t { present, absent, one_of, begins_with };
    Path path;
    Kind kind = Kind::present;
    List<Text> texts;
};
// All of them must hold.
using Conditions = List<Condition>;

// A provider's word for a state, in lower case; without a state, the word says nothing of one and is ignored.
struct Word {
    Text word;
    std::optional<DeliveryState> state;
};

// The words of a member. The first rule that knows the word of its member decides.
struct StateRule {
    List<Path> paths;
    List<Word> words;
    // The name of a state is a word for it.
    bool knows_names = false;
    bool ignores_others = false;
    std::optional<DeliveryState> constant;
};

enum class TimeFormat : std::uint8_t { any, unix_s, unix_ms, unix_us, iso8601, rfc2822, yymmddhhmm };

struct TimeSource {
    Path path;
    TimeFormat format = TimeFormat::any;
    // Of a text without a zone, east positive.
    int offset_minutes = 0;
    // The states in which an item has this time.
    StateSet states = static_cast<StateSet>(~0U);
};

// The time at which a state was reached, whatever the present state.
struct TimedSource {
    DeliveryState state = DeliveryState::sent;
    List<TimeSource> times;
};

// The members of a description that name a column each.
enum class Fact : std::uint8_t {
    recipient,
    sender,
    participant,
    message_type,
    content,
    media_url,
    price,
    price_unit,
    num_segments,
    pricing_category,
    billable,
    error_code,
    error_title,
    error_details,
};

inline constexpr std::array<std::string_view, 14> fact_names{
    "recipient",  "sender",       "participant",      "message_type", "content",    "media_url",   "price",
    "price_unit", "num_segments", "pricing_category", "billable",     "error_code", "error_title", "error_details",
};

struct Shape {
    Text name;
    Conditions when;
    // A member that a body of the shape has: the first step of a condition.
    Text key;
    // It is no status; nothing else is read.
    bool is_ignored = false;
    // An item is no status if one of these holds.
    List<Conditions> ignored_items;
    // Where the item is, without lists.
    Path at;
    List<ListPath> lists;
    Sources id;
    // Another id of the message.
    Sources alias;
    List<StateRule> state;
    List<TimeSource> time;
    List<TimedSource> times;
    std::array<Sources, fact_names.size()> facts;
    // The states that have an error.
    StateSet error_states = set_of(DeliveryState::failed, DeliveryState::undelivered);
    // The object whose members are kept in the detail, but for those read and those left out.
    bool has_detail = true;
    Path detail;
    List<Text> left_out;

    const Sources &of(Fact fact) const { return facts[static_cast<std::size_t>(fact)]; }
};

struct Description {
    Text name;
    List<Shape> shapes;
};

} // namespace msgstatus
