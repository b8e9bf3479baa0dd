#include "provider/read_item.hpp"

#include <charconv>

#include "core/ascii.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace msgstatus {
namespace {

// Returns the part of a text that `after` asks for.
Text part_of(Text text, Text after) {
    if (after.empty())
        return text;
    const std::size_t found = text.rfind(after);
    return found == Text::npos ? Text() : text.substr(found + after.size());
}

bool has_zone(Text text) {
    constexpr std::size_t date_size = 10;
    return text.ends_with('Z') || text.ends_with('z') || text.find_first_of("+-", date_size) != Text::npos;
}

// "YYMMDDhhmm", with two digits of seconds or without, in this century.
std::optional<EventTime> parse_compact_time(Text text) {
    constexpr std::size_t shortest = 10;
    constexpr std::size_t longest = 12;
    if ((text.size() != shortest && text.size() != longest) || !all_digits(text))
        return std::nullopt;
    std::array<char, 19> iso{'2', '0',     text[0], text[1], '-',     text[2], text[3], '-', text[4], text[5],
                             'T', text[6], text[7], ':',     text[8], text[9], ':',     '0', '0'};
    if (text.size() == longest) {
        iso[17] = text[10];
        iso[18] = text[11];
    }
    return parse_iso8601({iso.data(), iso.size()});
}

// Whether a unix time has the size of the unit.
bool is_of_unit(Text text, TimeFormat unit) {
    const std::size_t digits = std::min(text.find('.'), text.size());
    switch (unit) {
    case TimeFormat::unix_s:
        return digits <= 11;
    case TimeFormat::unix_ms:
        return digits > 11 && digits <= 14;
    default:
        return digits > 14;
    }
}

// Returns the text of a string, a number or a truth value.
Text text_of_scalar(const Json &value) {
    if (value.is_bool())
        return value.boolean() ? "true" : "false";
    return value.scalar_text();
}

std::optional<std::size_t> position_of(Text step) {
    std::size_t position = 0;
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), position);
    if (error != std::errc{} || end != step.data() + step.size() || position > 1'000'000)
        return std::nullopt;
    return position;
}

} // namespace

Json find_from(const Json &value, std::span<const Text> steps) {
    Json found = value;
    for (const Text step : steps) {
        if (found.is_array()) {
            const auto position = position_of(step);
            found = position ? found.element(*position) : Json();
        } else {
            found = found[step];
        }
        if (!found.exists())
            return found;
    }
    return found;
}

std::size_t Place::level_of(Root root) const {
    switch (root) {
    case Root::body:
        return 0;
    case Root::parent:
        return depth == 0 ? 0 : depth - 1;
    default:
        return depth;
    }
}

Json Place::find(const Path &path) const {
    return find_from(levels[level_of(path.root)], {path.steps.begin(), path.steps.size()});
}

Place Place::within(const Json &inner) const {
    Place place = *this;
    Assert(depth < max_list_levels);
    place.levels[++place.depth] = inner;
    return place;
}

const Condition *broken_condition(const Conditions &conditions, const Place &place) {
    for (const Condition &condition : conditions) {
        const Json value = place.find(condition.path);
        bool holds = false;
        switch (condition.kind) {
        case Condition::Kind::present:
            holds = !value.is_null();
            break;
        case Condition::Kind::absent:
            holds = value.is_null();
            break;
        case Condition::Kind::begins_with:
            holds = value.string().starts_with(condition.texts[0]);
            break;
        case Condition::Kind::one_of:
            holds = std::find(condition.texts.begin(), condition.texts.end(), text_of_scalar(value)) !=
                    condition.texts.end();
            break;
        }
        if (!holds)
            return &condition;
    }
    return nullptr;
}

void ItemReader::note(const Path &path, const Json &value, bool used) {
    if ((used || (value.exists() && value.is_null())) && read_count_ < read_.size())
        read_[read_count_++] = &path;
}

Text ItemReader::text(const Source &source) {
    if (!source.constant.empty())
        return source.constant;
    if (source.joined.empty()) {
        const Json value = place_.find(source.path);
        const Text found = part_of(trim(value.scalar_text()), source.after);
        note(source.path, value, !found.empty());
        return found;
    }
    std::size_t size = 0;
    List<Text> parts;
    for (const Path &path : source.joined) {
        const Json value = place_.find(path);
        const Text part = trim(value.scalar_text());
        note(path, value, !part.empty());
        if (part.empty())
            return {};
        parts.push(part);
        size += part.size() + source.separator.size();
    }
    // An id of this size is rejected anyway.
    constexpr std::size_t longest = 1024 * 1024;
    if (size > longest)
        size = longest;
    auto *joined = static_cast<char *>(palloc(size));
    std::size_t used = 0;
    const auto append = [&](Text part) {
        part = part.substr(0, size - used);
        std::copy(part.begin(), part.end(), joined + used);
        used += part.size();
    };
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i != 0)
            append(source.separator);
        append(parts[i]);
    }
    return {joined, used};
}

Text ItemReader::text(const Sources &sources) {
    for (const Source &source : sources)
        if (const Text found = text(source); !found.empty())
            return found;
    return {};
}

std::optional<int> ItemReader::integer(Fact fact) {
    for (const Source &source : shape_.of(fact)) {
        const std::size_t read_before = read_count_;
        const Text digits = text(source);
        int value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (!digits.empty() && error == std::errc{} && end == digits.data() + digits.size())
            return value;
        read_count_ = read_before;
    }
    return std::nullopt;
}

std::optional<bool> ItemReader::boolean(Fact fact) {
    for (const Source &source : shape_.of(fact)) {
        const Json value = source.constant.empty() ? place_.find(source.path) : Json();
        const Text text = source.constant.empty() ? value.string() : source.constant;
        const bool is_true = value.is_bool() ? value.boolean() : equals_ignoring_case(text, "true");
        if (value.is_bool() || is_true || equals_ignoring_case(text, "false")) {
            note(source.path, value, true);
            return is_true;
        }
    }
    return std::nullopt;
}

ItemReader::StateFound ItemReader::find_state(DeliveryState &state) {
    bool ignored = false;
    for (const StateRule &rule : shape_.state) {
        if (rule.constant) {
            state = *rule.constant;
            return StateFound::known;
        }
        const Path *path = nullptr;
        Text word;
        for (const Path &candidate : rule.paths) {
            word = trim(place_.find(candidate).scalar_text());
            path = &candidate;
            if (!word.empty())
                break;
        }
        if (word.empty())
            continue;
        const auto *known = std::find_if(rule.words.begin(), rule.words.end(),
                                         [word](const Word &w) { return equals_ignoring_case(w.word, word); });
        if (known != rule.words.end()) {
            if (!known->state)
                return StateFound::ignored;
            note(*path, Json(), true);
            state = *known->state;
            return StateFound::known;
        }
        if (rule.knows_names)
            for (std::size_t i = 0; i < state_names.size(); ++i)
                if (equals_ignoring_case(word, state_names[i])) {
                    note(*path, Json(), true);
                    state = static_cast<DeliveryState>(i);
                    return StateFound::known;
                }
        ignored |= rule.ignores_others;
    }
    return ignored ? StateFound::ignored : StateFound::unknown;
}

std::optional<EventTime> ItemReader::read_time(const Json &value, const TimeSource &source) {
    const Text text = trim(value.scalar_text());
    std::optional<EventTime> time;
    bool zoned = false;
    switch (source.format) {
    case TimeFormat::any:
        time = parse_event_time(text);
        zoned = parse_unix_time(text).has_value() || !parse_iso8601(text) || has_zone(text);
        break;
    case TimeFormat::iso8601:
        time = parse_iso8601(text);
        zoned = time && has_zone(text);
        break;
    case TimeFormat::rfc2822:
        time = parse_rfc2822(text);
        zoned = true;
        break;
    case TimeFormat::yymmddhhmm:
        time = parse_compact_time(text);
        break;
    default:
        time = is_of_unit(text, source.format) ? parse_unix_time(text) : std::nullopt;
        zoned = true;
        break;
    }
    if (time && !zoned)
        *time -= source.offset_minutes * 60 * microseconds_per_second;
    return time;
}

Jsonb *ItemReader::detail() const {
    if (!shape_.has_detail)
        return nullptr;
    const Json base = place_.find(shape_.detail);
    if (!base.is_object())
        return nullptr;
    const std::size_t level = place_.level_of(shape_.detail.root);
    const List<Text> &prefix = shape_.detail.steps;
    List<Text> left_out;
    for (const Text name : shape_.left_out)
        left_out.push(name);
    for (std::size_t i = 0; i < read_count_; ++i) {
        const Path &path = *read_[i];
        const bool is_member = place_.level_of(path.root) == level && path.steps.size() == prefix.size() + 1 &&
                               std::equal(prefix.begin(), prefix.end(), path.steps.begin());
        if (is_member)
            left_out.push(path.steps[path.steps.size() - 1]);
    }
    return base.without({left_out.begin(), left_out.size()});
}

Json with_value_at(const Json &document, std::span<const Text> steps, const Json &value) {
    if (steps.empty())
        return value;
    auto *names = static_cast<Datum *>(palloc(steps.size() * sizeof(Datum)));
    for (std::size_t i = 0; i < steps.size(); ++i)
        names[i] = PointerGetDatum(text_of(steps[i]));
    ArrayType *path = construct_array(names, static_cast<int>(steps.size()), TEXTOID, -1, false, TYPALIGN_INT);
    const Datum changed = DirectFunctionCall4(jsonb_set, JsonbPGetDatum(document.to_document()), PointerGetDatum(path),
                                              JsonbPGetDatum(value.to_document()), BoolGetDatum(false));
    return Json::of_document(DatumGetJsonbP(changed));
}

Json array_of(const Json &element) {
    return Json::of_document(element.in_array());
}

Json json_text_of(const Json &value) {
    // A few characters such as 1e100000 may stand for a number of that many digits.
    constexpr std::size_t most_digits = 16UL * 1024 * 1024;
    Jsonb *document = value.to_document();
    JsonbIterator *iterator = JsonbIteratorInit(&document->root);
    JsonbValue part;
    std::size_t digits = 0;
    for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &part, false); token != WJB_DONE;
         token = JsonbIteratorNext(&iterator, &part, false)) {
        if ((token != WJB_VALUE && token != WJB_ELEM) || part.type != jbvNumeric)
            continue;
        char *number = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(part.val.numeric)));
        digits += std::string_view(number).size();
        pfree(number);
        if (digits > most_digits)
            return {};
    }
    JsonbValue text;
    text.type = jbvString;
    text.val.string.val = JsonbToCString(nullptr, &document->root, VARSIZE_ANY_EXHDR(document));
    text.val.string.len = static_cast<int>(std::string_view(text.val.string.val).size());
    return Json(text);
}

} // namespace msgstatus
