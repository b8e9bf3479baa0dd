// Reads what a shape describes: whether a body fits, and the values of an item. Nothing here raises because of a body.
#pragma once

#include "core/event_time.hpp"
#include "provider/description.hpp"

namespace msgstatus {

// An item and what is around it: the body first, the item last.
struct Place {
    std::array<Json, max_list_levels + 1> levels;
    std::size_t depth = 0;

    const Json &body() const { return levels[0]; }
    const Json &item() const { return levels[depth]; }
    std::size_t level_of(Root root) const;
    // Returns the value at the path; an absent value if a step leads nowhere.
    Json find(const Path &path) const;
    // Returns the place of an element of a list in this item, or of a value in it.
    Place within(const Json &inner) const;
};

// Returns the value at the path from a value.
Json find_from(const Json &value, std::span<const Text> steps);

// Returns the first condition that does not hold; null if all hold.
const Condition *broken_condition(const Conditions &conditions, const Place &place);

// Reads an item by its shape, and knows which members were read.
class ItemReader {
public:
    ItemReader(const Shape &shape, const Place &place) : shape_(shape), place_(place) {}

    // Returns the text of the first source that has one, of a string or a number. The text may belong to the
    // description.
    Text text(const Sources &sources);
    Text text(Fact fact) { return text(shape_.of(fact)); }

    // Returns the first whole number within `int`.
    std::optional<int> integer(Fact fact);
    // Returns the first truth value, also of a text "true" or "false".
    std::optional<bool> boolean(Fact fact);

    enum class StateFound : std::uint8_t { known, unknown, ignored };
    // Finds the state by the first rule that knows the word.
    StateFound find_state(DeliveryState &state);

    // Returns the first readable time for the present state.
    template <typename Usable>
    std::optional<EventTime> time(const List<TimeSource> &sources, DeliveryState present, Usable is_usable) {
        for (const TimeSource &source : sources) {
            if (!contains(source.states, present))
                continue;
            const Json value = place_.find(source.path);
            const auto time = read_time(value, source);
            const bool usable = time && is_usable(*time);
            note(source.path, value, usable);
            if (usable)
                return time;
        }
        return std::nullopt;
    }

    // Returns a palloc'd document of the members that were not read; null if there are none.
    Jsonb *detail() const;

private:
    static std::optional<EventTime> read_time(const Json &value, const TimeSource &source);
    // Counts a member as read if its value was used, or if it is null.
    void note(const Path &path, const Json &value, bool used);
    Text text(const Source &source);

    const Shape &shape_;
    const Place &place_;
    std::array<const Path *, 64> read_{};
    std::size_t read_count_ = 0;
};

// Returns the document with one value at the path replaced, which is there; without steps, the value itself.
Json with_value_at(const Json &document, std::span<const Text> steps, const Json &value);
// Returns an array of one element, or of none for an absent value.
Json array_of(const Json &element);
// Returns a text that holds the value as JSON; an absent value if its numbers are too long to be written out.
Json json_text_of(const Json &value);

} // namespace msgstatus
