// Webhooks of providers that a description describes: built-in ones and those of define_provider().
#include "observation/validation.hpp"
#include "provider/registry.hpp"
#include "webhook/fields.hpp"
#include "webhook/providers.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace msgstatus {
namespace {

constexpr const char *no_list = "the list of statuses is missing or no array";

// The most memory for bodies that hold one item each. What surrounds the items of a list may be large, and the items
// many.
constexpr std::size_t most_narrowed = 64UL * 1024 * 1024;

// Reads a body by a shape. The names of the description are copied, because another call may replace it before the
// batch is applied.
class DescribedWebhook {
public:
    DescribedWebhook(Reader &reader, const Fit &fit, const Json &body, const Context &context)
        : reader_(reader), shape_(*fit.shape), body_(body), context_(context) {
        context_.provider = copied(fit.description->name);
        context_.may_hold_content = !shape_.of(Fact::content).empty() || !shape_.of(Fact::media_url).empty();
    }

    void read() {
        if (shape_.is_ignored)
            return reader_.ignore();
        Place place;
        place.levels[0] = body_;
        if (shape_.lists.empty())
            return read_item(shape_.at.steps.empty() ? place : place.within(place.find(shape_.at)), body_);
        std::size_t with_items = 0;
        for (const ListPath &list : shape_.lists)
            with_items += has_items(place, list.levels[0]) ? 1 : 0;
        // It is not built anew without the other lists, and so is one dead letter, not one of each list.
        if (with_items > 1 && body_.nests_too_deep())
            return reader_.reject(body_, context_, too_deep);
        bool found = false;
        for (const ListPath &list : shape_.lists) {
            const Json elements = list_at(place, list.levels[0]);
            found |= elements.is_array();
            if (elements.is_array())
                read_list(list, 0, place, elements, body_);
        }
        if (!found)
            reader_.reject(body_, context_, no_list);
    }

private:
    static Text copied(Text text) {
        return text.empty() ? Text() : Text(pnstrdup(text.data(), text.size()), text.size());
    }

    // Returns the list, which may be JSON in a text.
    static Json list_at(const Place &place, const Path &path) {
        const Json list = place.find(path);
        return list.is_string() ? parse_json(list.string()) : list;
    }

    static bool has_items(const Place &place, const Path &path) { return list_at(place, path).element(0).exists(); }

    // Calls visit(other) for each other list of the shape that is in the same element as the list of `level`.
    template <typename Visit>
    void for_each_other(const ListPath &list, std::size_t level, Visit visit) const {
        for (const ListPath &other : shape_.lists)
            if (other.levels.size() > level &&
                std::equal(list.levels.begin(), list.levels.begin() + level, other.levels.begin(), is_same) &&
                !is_same(list.levels[level], other.levels[level]))
                visit(other);
    }

    static bool is_same(const Path &a, const Path &b) {
        return std::equal(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end());
    }

    // Reads the elements of a list of `level`. `around` is the body with only the element that the list is in, for an
    // item is kept as a dead letter within a body that has no other, in no list, so that it can be replayed.
    void read_list(const ListPath &list, std::size_t level, const Place &place, const Json &elements,
                   const Json &around) {
        bool others_have_items = false;
        for_each_other(list, level, [&](const ListPath &other) {
            others_have_items = others_have_items || has_items(place, other.levels[level]);
        });
        const bool is_alone = !elements.element(1).exists() && !others_have_items;
        // PostgreSQL recurses when it builds a document. A list in a text is not a part of the body.
        if (!is_alone && around.nests_too_deep())
            return reader_.reject(around, context_, too_deep);
        const bool is_narrowed = others_have_items && narrowed_ < most_narrowed;
        if (elements.nests_too_deep())
            return reader_.reject(is_narrowed ? without_others(list, level, around) : around, context_, too_deep);
        Json hollow;
        elements.for_each_element([&](const Json &element) {
            CHECK_FOR_INTERRUPTS();
            Json body = around;
            if (!is_alone && narrowed_ < most_narrowed) {
                if (!hollow.exists())
                    hollow = without_others(list, level, with_list(list, level, around, Json()));
                body = with_list(list, level, hollow, element);
                narrowed_ += body.size();
            } else if (!is_alone) {
                body = element;
            }
            const Place inner = place.within(element);
            if (level + 1 == list.levels.size())
                return read_item(inner, body);
            const Json inner_list = list_at(inner, list.levels[level + 1]);
            // What has no list within it reports of no message.
            if (!inner_list.is_array())
                return reader_.ignore();
            read_list(list, level + 1, inner, inner_list, body);
        });
    }

    // Returns the body with the list of `level` replaced by a list of one element, or of none. The lists around it have
    // one element each.
    Json with_list(const ListPath &list, std::size_t level, const Json &body, const Json &element) {
        return with_list_in(list, 0, level, body, element);
    }

    // Returns the body with the other lists beside that of `level` empty.
    Json without_others(const ListPath &list, std::size_t level, const Json &body) {
        Json narrowed = body;
        for_each_other(list, level,
                       [&](const ListPath &other) { narrowed = with_list(other, level, narrowed, Json()); });
        return narrowed;
    }

    Json with_list_in(const ListPath &list, std::size_t level, std::size_t last, const Json &value,
                      const Json &element) {
        const std::span<const Text> steps{list.levels[level].steps.begin(), list.levels[level].steps.size()};
        const Json there = find_from(value, steps);
        const Json elements = there.is_string() ? parse_json(there.string()) : there;
        if (!elements.is_array())
            return value;
        const Json inner = level == last ? element : with_list_in(list, level + 1, last, elements.element(0), element);
        const Json narrowed = array_of(inner);
        // Conditions may want the text.
        const Json text = there.is_string() ? json_text_of(narrowed) : Json();
        return with_value_at(value, steps, text.exists() ? text : narrowed);
    }

    void read_item(const Place &place, const Json &body) {
        for (const Conditions &conditions : shape_.ignored_items)
            if (broken_condition(conditions, place) == nullptr)
                return reader_.ignore();
        ItemReader item(shape_, place);
        DeliveryState state = DeliveryState::sent;
        switch (item.find_state(state)) {
        case ItemReader::StateFound::ignored:
            return reader_.ignore();
        case ItemReader::StateFound::unknown:
            return reader_.reject(body, context_, unknown_state);
        case ItemReader::StateFound::known:
            break;
        }

        Observation o = new_observation(context_);
        o.state = state;
        o.message_id = copied(item.text(shape_.id));
        // By a reader of its own, so that the detail has it.
        o.alias = copied(ItemReader(shape_, place).text(shape_.alias));
        o.facts.provider = context_.provider;
        o.facts.direction = is_incoming(state) ? "inbound" : "outbound";
        read_facts(item, o);
        const ErrorInfo error = read_error(item, state);

        reader_.begin_object(body, context_);
        for (const TimedSource &timed : shape_.times) {
            if (timed.state == state)
                continue;
            Observation other = o;
            other.state = timed.state;
            if (is_failure(timed.state))
                other.error = error;
            // An impossible time is no evidence for any state except the present one.
            if (set_time(other, item, timed.times, state))
                reader_.add(other);
        }
        bool has_time = false;
        for (const TimedSource &timed : shape_.times)
            if (timed.state == state && !has_time)
                has_time = set_time(o, item, timed.times, state);
        if (!has_time)
            set_time(o, item, shape_.time, state);
        o.error = error;
        o.detail = item.detail();
        reader_.add(o);
        reader_.end_object();
    }

    static void read_facts(ItemReader &item, Observation &o) {
        MessageFacts &f = o.facts;
        f.recipient = address_of(item.text(Fact::recipient));
        f.sender = address_of(item.text(Fact::sender));
        o.participant = address_of(item.text(Fact::participant));
        f.message_type = copied(item.text(Fact::message_type));
        f.content = copied(item.text(Fact::content));
        f.media_url = copied(item.text(Fact::media_url));
        f.price = decimal_of(item.text(Fact::price));
        if (f.price != nullptr)
            f.price_unit = copied(item.text(Fact::price_unit));
        f.num_segments = item.integer(Fact::num_segments);
        f.pricing_category = copied(item.text(Fact::pricing_category));
        f.billable = item.boolean(Fact::billable);
    }

    // Zero is no error, whatever its text says.
    ErrorInfo read_error(ItemReader &item, DeliveryState state) const {
        ErrorInfo error;
        if (!contains(shape_.error_states, state))
            return error;
        error.code = item.integer(Fact::error_code);
        if (error.code == 0)
            return {};
        error.title = copied(item.text(Fact::error_title));
        error.details = copied(item.text(Fact::error_details));
        return error;
    }

    // Sets the event time, or that of receipt if no source has one that can be true. Returns whether one has.
    static bool set_time(Observation &o, ItemReader &item, const List<TimeSource> &sources, DeliveryState state) {
        const auto time = item.time(sources, state, [&](EventTime t) { return is_possible_time(t, o.received_at); });
        o.event_time = time.value_or(o.received_at);
        o.time_of_receipt = !time.has_value();
        return time.has_value();
    }

    Reader &reader_;
    const Shape &shape_;
    const Json &body_;
    Context context_;
    std::size_t narrowed_ = 0;
};

} // namespace

void read_described(Reader &reader, const Fit &fit, const Json &body, const Context &context) {
    DescribedWebhook(reader, fit, body, context).read();
}

} // namespace msgstatus
