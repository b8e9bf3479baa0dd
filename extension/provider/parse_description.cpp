#include "provider/parse_description.hpp"

#include <charconv>

#include "core/ascii.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace msgstatus {
namespace {

constexpr std::size_t max_shapes = 64;
constexpr std::size_t max_steps = 16;
constexpr std::size_t max_lists = 64;
constexpr std::size_t max_words = 1000;
// A backend keeps what it makes of all descriptions.
constexpr std::size_t max_size = 256UL * 1024;
constexpr const char *path_hint =
    "A path is a text such as \"status.groupName\"; \"$.\" begins at the body, \"^.\" at the "
    "element around the item, and \".\" is the item itself.";
constexpr const char *source_hint =
    "A value is a path, {\"is\": \"a text\"}, {\"path\": ..., \"after\": \"a text\"}, {\"join\": [paths], \"with\": "
    "\"a text\"}, or an array of these, of which the first that has a value counts.";
constexpr const char *condition_hint = "A condition is true (the member is there), false (it is not), a text, a "
                                       "number, an array of texts, or {\"begins\": "
                                       "\"a text\"}.";
struct NamedFormat {
    std::string_view name;
    TimeFormat format;
};

constexpr std::array formats{
    NamedFormat{"any", TimeFormat::any},
    NamedFormat{"unix_s", TimeFormat::unix_s},
    NamedFormat{"unix_ms", TimeFormat::unix_ms},
    NamedFormat{"unix_us", TimeFormat::unix_us},
    NamedFormat{"iso8601", TimeFormat::iso8601},
    NamedFormat{"rfc2822", TimeFormat::rfc2822},
    NamedFormat{"yymmddhhmm", TimeFormat::yymmddhhmm},
};

Text copy_of(Text text) {
    return {pnstrdup(text.data(), text.size()), text.size()};
}

Text lower_case(Text text) {
    char *lower = pnstrdup(text.data(), text.size());
    std::transform(lower, lower + text.size(), lower, to_lower);
    return {lower, text.size()};
}

const char *hint_at_states() {
    const char *hint = "The states are";
    for (std::size_t i = 0; i < state_names.size(); ++i)
        hint = psprintf("%s%s%.*s", hint, i == 0 ? " " : ", ", static_cast<int>(state_names[i].size()),
                        state_names[i].data());
    return psprintf("%s.", hint);
}

// Whether an element of one list would be read by the other, too: then one item would become two dead letters, each of
// which becomes two again.
bool overlap(const ListPath &a, const ListPath &b) {
    const auto flat = [](const ListPath &list) {
        List<Text> steps;
        for (const Path &level : list.levels) {
            if (&level != list.levels.begin())
                steps.push("*");
            for (const Text step : level.steps)
                steps.push(step);
        }
        return steps;
    };
    const List<Text> left = flat(a);
    const List<Text> right = flat(b);
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
        // A position and "*" may mean the same element.
        if ((left[i] == "*") != (right[i] == "*"))
            return all_digits(left[i]) || all_digits(right[i]);
        if (left[i] != right[i])
            return false;
    }
    return true;
}

// Collects the first problem. After it, whatever is read is unused.
class Parser {
public:
    explicit Parser(DescriptionProblem &problem) : problem_(problem) {}

    bool failed() const { return problem_.problem != nullptr; }

    void fail(const char *member, const char *problem, const char *hint = nullptr) {
        if (failed())
            return;
        problem_.member = member;
        problem_.problem = problem;
        problem_.hint = hint;
    }

    void check_members(const Json &object, const char *member, std::initializer_list<std::string_view> known,
                       bool knows_facts = false) {
        object.for_each_member([&](std::string_view key, const Json &) {
            if (std::find(known.begin(), known.end(), key) != known.end())
                return;
            if (knows_facts && std::find(fact_names.begin(), fact_names.end(), key) != fact_names.end())
                return;
            fail(below(member, key), "is no member of a description");
        });
    }

    // Returns the name of a member of a member.
    static const char *below(const char *member, std::string_view key) {
        const int size = static_cast<int>(std::min<std::size_t>(key.size(), 256));
        const int clipped = pg_mbcliplen(key.data(), static_cast<int>(key.size()), size);
        return *member == '\0' ? pnstrdup(key.data(), clipped) : psprintf("%s.%.*s", member, clipped, key.data());
    }

    static const char *at(const char *member, std::size_t i) { return psprintf("%s[%zu]", member, i); }

    Text text(const Json &value, const char *member) {
        if (!value.is_string() || value.string().empty())
            fail(member, "is not a text, or empty");
        return copy_of(value.string());
    }

    Path path(const Json &value, const char *member) {
        Path path;
        if (!value.is_string() || value.string().empty()) {
            fail(member, "is not a path", path_hint);
            return path;
        }
        Text rest = value.string();
        if (rest == "." || rest == "$" || rest == "^") {
            path.root = rest == "$" ? Root::body : rest == "^" ? Root::parent : Root::item;
            return path;
        }
        if (rest.starts_with("$.") || rest.starts_with("^.")) {
            path.root = rest.front() == '$' ? Root::body : Root::parent;
            rest.remove_prefix(2);
        }
        add_steps(path, rest, member);
        return path;
    }

    List<Path> paths(const Json &value, const char *member) {
        List<Path> found;
        each(value, member, [&](const Json &element, const char *name) { found.push(path(element, name)); });
        return found;
    }

    // "results", or "statuses.*.recipients" for a list in each element of a list.
    ListPath list_path(const Json &value, const char *member) {
        ListPath list;
        const Path whole = path(value, member);
        Path level;
        level.root = whole.root;
        for (const Text step : whole.steps) {
            if (step == "*") {
                list.levels.push(level);
                level = Path();
            } else {
                level.steps.push(step);
            }
        }
        list.levels.push(level);
        if (list.levels.size() > max_list_levels)
            fail(member, "has more than two \"*\"");
        if (whole.root == Root::parent)
            fail(member, "begins with \"^\", and a body has nothing around it", path_hint);
        return list;
    }

    Source source(const Json &value, const char *member) {
        Source source;
        if (!value.is_object()) {
            source.path = path(value, member);
            if (failed() && problem_.member == member)
                problem_.hint = source_hint;
            return source;
        }
        check_members(value, member, {"path", "is", "after", "join", "with"});
        const int kinds = value["path"].exists() + value["is"].exists() + value["join"].exists();
        if (kinds != 1)
            fail(member, "has not exactly one of \"path\", \"is\" and \"join\"", source_hint);
        if (value["is"].exists())
            source.constant = text(value["is"], below(member, "is"));
        if (value["path"].exists())
            source.path = path(value["path"], below(member, "path"));
        if (value["after"].exists())
            source.after = text(value["after"], below(member, "after"));
        if (value["join"].exists())
            source.joined = paths(value["join"], below(member, "join"));
        if (value["with"].exists())
            source.separator = text(value["with"], below(member, "with"));
        return source;
    }

    Sources sources(const Json &value, const char *member) {
        Sources found;
        each(value, member, [&](const Json &element, const char *name) { found.push(source(element, name)); });
        return found;
    }

    Condition condition(std::string_view key, const Json &value, const char *member) {
        Condition condition;
        JsonbValue name;
        name.type = jbvString;
        name.val.string.val = const_cast<char *>(key.data());
        name.val.string.len = static_cast<int>(key.size());
        condition.path = path(Json(name), member);
        if (value.is_bool()) {
            condition.kind = value.boolean() ? Condition::Kind::present : Condition::Kind::absent;
        } else if (value.is_object()) {
            check_members(value, member, {"begins"});
            condition.kind = Condition::Kind::begins_with;
            condition.texts.push(text(value["begins"], below(member, "begins")));
        } else if (value.is_array()) {
            condition.kind = Condition::Kind::one_of;
            value.for_each_element([&](const Json &element) { condition.texts.push(scalar(element, member)); });
            if (condition.texts.empty())
                fail(member, "is an empty array", condition_hint);
        } else {
            condition.kind = Condition::Kind::one_of;
            condition.texts.push(scalar(value, member));
        }
        return condition;
    }

    Conditions conditions(const Json &value, const char *member) {
        Conditions found;
        if (!value.is_object()) {
            fail(member, "is not an object of paths and conditions", condition_hint);
            return found;
        }
        value.for_each_member([&](std::string_view key, const Json &element) {
            found.push(condition(key, element, below(member, key)));
        });
        if (found.empty())
            fail(member, "has no condition", condition_hint);
        return found;
    }

    std::optional<DeliveryState> state(const Json &value, const char *member) {
        for (std::size_t i = 0; i < state_names.size(); ++i)
            if (value.string() == state_names[i])
                return static_cast<DeliveryState>(i);
        fail(member, "is no state", failed() ? nullptr : hint_at_states());
        return std::nullopt;
    }

    StateSet states(const Json &value, const char *member) {
        StateSet found = 0;
        each(value, member, [&](const Json &element, const char *name) {
            if (const auto one = state(element, name))
                found = static_cast<StateSet>(found | set_of(*one));
        });
        return found;
    }

    void add_list(Shape &shape, const ListPath &list, const char *member) {
        if (shape.lists.size() == max_lists)
            fail(member, "is one list more than 64");
        if (failed())
            return;
        for (const ListPath &other : shape.lists)
            if (overlap(list, other))
                fail(member, "is a list that another one holds, or the same one");
        shape.lists.push(list);
    }

    StateRule state_rule(const Json &value, const char *member) {
        StateRule rule;
        if (!value.is_object()) {
            fail(member, "is not an object with \"path\" and \"words\", or with \"is\"");
            return rule;
        }
        check_members(value, member, {"path", "words", "others", "is"});
        if (value["is"].exists()) {
            rule.constant = state(value["is"], below(member, "is"));
            if (value["path"].exists() || value["words"].exists() || value["others"].exists())
                fail(member, "has \"is\" and also another member");
            return rule;
        }
        rule.paths = paths(value["path"], below(member, "path"));
        if (value["others"].exists()) {
            rule.ignores_others = true;
            if (value["others"].string() != "ignore")
                fail(below(member, "others"), "is not \"ignore\"");
        }
        const Json words = value["words"];
        rule.knows_names = !words.exists();
        if (!words.exists())
            return rule;
        const char *name = below(member, "words");
        if (!words.is_object()) {
            fail(name, "is not an object of words and states");
            return rule;
        }
        std::size_t count = 0;
        words.for_each_member([&](std::string_view key, const Json &meaning) {
            if (++count > max_words)
                fail(name, "has more than 1000 words");
            if (failed())
                return;
            Word word{lower_case(key), std::nullopt};
            if (!meaning.is_null())
                word.state = state(meaning, below(name, key));
            for (const Word &other : rule.words)
                if (other.word == word.word)
                    fail(below(name, key), "is there twice; case does not count");
            rule.words.push(word);
        });
        return rule;
    }

    TimeSource time(const Json &value, const char *member) {
        TimeSource time;
        if (!value.is_object()) {
            time.path = path(value, member);
            return time;
        }
        check_members(value, member, {"path", "format", "offset", "for"});
        time.path = path(value["path"], below(member, "path"));
        if (const Json format = value["format"]; format.exists()) {
            const auto *found = std::find_if(formats.begin(), formats.end(),
                                             [&](const NamedFormat &known) { return known.name == format.string(); });
            if (found == formats.end())
                fail(below(member, "format"), "is no format of a time",
                     "The formats are any, unix_s, unix_ms, unix_us, iso8601, rfc2822 and yymmddhhmm.");
            else
                time.format = found->format;
        }
        if (value["offset"].exists())
            time.offset_minutes = offset(value["offset"], below(member, "offset"));
        if (value["for"].exists())
            time.states = states(value["for"], below(member, "for"));
        return time;
    }

    List<TimeSource> times(const Json &value, const char *member) {
        List<TimeSource> found;
        each(value, member, [&](const Json &element, const char *name) { found.push(time(element, name)); });
        return found;
    }

    List<TimedSource> timed(const Json &value, const char *member) {
        List<TimedSource> found;
        if (!value.is_object()) {
            fail(member, "is not an object of states and paths");
            return found;
        }
        value.for_each_member([&](std::string_view key, const Json &element) {
            const char *name = below(member, key);
            TimedSource timed;
            JsonbValue label;
            label.type = jbvString;
            label.val.string.val = const_cast<char *>(key.data());
            label.val.string.len = static_cast<int>(key.size());
            timed.state = state(Json(label), name).value_or(DeliveryState::sent);
            timed.times = times(element, name);
            found.push(timed);
        });
        return found;
    }

    Shape shape(const Json &value, const char *member) {
        Shape shape;
        if (!value.is_object()) {
            fail(member, "is not an object");
            return shape;
        }
        check_members(value, member,
                      {"name", "when", "ignore", "at", "list", "id", "alias", "state", "time", "times", "error_states",
                       "detail", "comment"},
                      true);
        if (value["name"].exists())
            shape.name = text(value["name"], below(member, "name"));
        shape.when = conditions(value["when"], below(member, "when"));
        find_key(shape, below(member, "when"));
        const Json ignored = value["ignore"];
        if (ignored.is_bool()) {
            shape.is_ignored = ignored.boolean();
            if (!shape.is_ignored)
                fail(below(member, "ignore"), "is not true, conditions, or an array of conditions");
        } else if (ignored.exists()) {
            each(ignored, below(member, "ignore"),
                 [&](const Json &element, const char *name) { shape.ignored_items.push(conditions(element, name)); });
        }
        if (shape.is_ignored)
            return shape;

        if (value["at"].exists())
            shape.at = path(value["at"], below(member, "at"));
        if (const Json list = value["list"]; list.exists()) {
            if (value["at"].exists())
                fail(below(member, "at"), "is there beside \"list\"");
            each(list, below(member, "list"),
                 [&](const Json &element, const char *name) { add_list(shape, list_path(element, name), name); });
        }
        shape.id = sources(value["id"], below(member, "id"));
        if (value["alias"].exists())
            shape.alias = sources(value["alias"], below(member, "alias"));
        each(value["state"], below(member, "state"),
             [&](const Json &element, const char *name) { shape.state.push(state_rule(element, name)); });
        if (value["time"].exists())
            shape.time = times(value["time"], below(member, "time"));
        if (value["times"].exists())
            shape.times = timed(value["times"], below(member, "times"));
        if (value["error_states"].exists())
            shape.error_states = states(value["error_states"], below(member, "error_states"));
        for (std::size_t i = 0; i < fact_names.size(); ++i)
            if (value[fact_names[i]].exists())
                shape.facts[i] = sources(value[fact_names[i]], below(member, fact_names[i]));
        if (value["detail"].exists())
            detail(shape, value["detail"], below(member, "detail"));
        return shape;
    }

    Description description(Text name, const Json &document) {
        Description description;
        description.name = copy_of(name);
        if (!document.is_object()) {
            fail("", "is not an object");
            return description;
        }
        if (document.nests_too_deep()) {
            fail("", "nests more than 200 levels deep");
            return description;
        }
        if (document.size() > max_size) {
            fail("", "is larger than 256 kB");
            return description;
        }
        check_members(document, "", {"title", "shapes", "comment"});
        if (!document["shapes"].is_array()) {
            fail("shapes", "is not an array");
            return description;
        }
        document["shapes"].for_each_element([&](const Json &element) {
            CHECK_FOR_INTERRUPTS();
            if (!failed())
                description.shapes.push(shape(element, at("shapes", description.shapes.size())));
        });
        if (description.shapes.empty() || description.shapes.size() > max_shapes)
            fail("shapes", "has no element, or more than 64");
        return description;
    }

private:
    // Calls visit(element, its name) for each element of an array, or for the value itself.
    template <typename Visit>
    void each(const Json &value, const char *member, Visit visit) {
        if (!value.is_array()) {
            if (!value.exists())
                fail(member, "is missing");
            else
                visit(value, member);
            return;
        }
        std::size_t i = 0;
        value.for_each_element([&](const Json &element) { visit(element, at(member, i++)); });
        if (i == 0)
            fail(member, "is an empty array");
    }

    // Steps lie between dots; a backslash makes the dot after it a part of the step.
    void add_steps(Path &path, Text rest, const char *member) {
        char *step = static_cast<char *>(palloc(rest.size() + 1));
        std::size_t size = 0;
        for (std::size_t i = 0; i <= rest.size(); ++i) {
            if (i < rest.size() && rest[i] == '\\' && i + 1 < rest.size()) {
                step[size++] = rest[++i];
            } else if (i < rest.size() && rest[i] != '.') {
                step[size++] = rest[i];
            } else {
                if (size == 0)
                    fail(member, "is a path with an empty step", path_hint);
                path.steps.push(copy_of({step, size}));
                size = 0;
            }
        }
        if (path.steps.size() > max_steps)
            fail(member, "is a path of more than 16 steps", path_hint);
    }

    Text scalar(const Json &value, const char *member) {
        if (value.scalar_text().empty())
            fail(member, "is no condition", condition_hint);
        return copy_of(value.scalar_text());
    }

    // Finds the member by which the shape is looked up: the one with the longest name, since bodies of many providers
    // have short ones, such as id and type.
    void find_key(Shape &shape, const char *member) {
        for (const Condition &condition : shape.when)
            if (condition.kind != Condition::Kind::absent && !condition.path.steps.empty() &&
                condition.path.steps[0].size() > shape.key.size())
                shape.key = condition.path.steps[0];
        if (shape.key.empty())
            fail(member, "names no member that must be there", condition_hint);
    }

    // "+05:30" in minutes.
    int offset(const Json &value, const char *member) {
        const Text given = value.string();
        int hours = 0;
        int minutes = 0;
        if (given.size() != 6 || (given[0] != '+' && given[0] != '-') || given[3] != ':' ||
            !all_digits(given.substr(1, 2)) || !all_digits(given.substr(4, 2))) {
            fail(member, "is no offset such as \"+05:30\"");
            return 0;
        }
        std::from_chars(given.data() + 1, given.data() + 3, hours);
        std::from_chars(given.data() + 4, given.data() + 6, minutes);
        if (hours > 15 || minutes > 59)
            fail(member, "is no offset such as \"+05:30\"");
        return (given[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    }

    void detail(Shape &shape, const Json &value, const char *member) {
        if (value.is_bool() && !value.boolean()) {
            shape.has_detail = false;
            return;
        }
        if (!value.is_object()) {
            shape.detail = path(value, member);
            return;
        }
        check_members(value, member, {"path", "without"});
        if (value["path"].exists())
            shape.detail = path(value["path"], below(member, "path"));
        if (value["without"].exists())
            each(value["without"], below(member, "without"),
                 [&](const Json &element, const char *name) { shape.left_out.push(text(element, name)); });
    }

    DescriptionProblem &problem_;
};

} // namespace

Description parse_description(Text name, const Json &document, DescriptionProblem &problem) {
    problem = {};
    return Parser(problem).description(name, document);
}

} // namespace msgstatus
