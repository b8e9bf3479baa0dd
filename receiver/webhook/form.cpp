#include "webhook/form.hpp"

#include <algorithm>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
std::optional<Form> decode_form(std::string_view text) {
    Form form;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view field = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (field.empty())
            continue;
        if (form.size() == max_form_fields)
            return std::nullopt;
        const std::size_t equals = std::min(field.find('='), field.size());
        auto &[name, value] = form.emplace_back();
        if (!append_percent_decoded(field.substr(0, equals), name) ||
            !append_percent_decoded(field.substr(std::min(equals + 1, field.size())), value) || !is_utf8(name) ||
            !is_utf8(value))
            return std::nullopt;
    }
    return form;
}

std::string form_to_json(const Form &form) {
    std::string out = "{";
    for (auto field = form.begin(); field != form.end(); ++field) {
        const auto same_name = [&](const auto &other) { return other.first == field->first; };
        if (std::any_of(form.begin(), field, same_name))
            continue; // written with the first of its name
        std::vector<const std::string *> values;
        for (auto other = field; other != form.end(); ++other) {
            const auto same_value = [&](const std::string *value) { return *value == other->second; };
            if (same_name(*other) && std::none_of(values.begin(), values.end(), same_value))
                values.push_back(&other->second);
        }
        out.append(out.size() > 1 ? "," : "").append(json_string(field->first)).append(values.size() > 1 ? ":[" : ":");
        for (std::size_t i = 0; i < values.size(); ++i)
            out.append(i > 0 ? "," : "").append(json_string(*values[i]));
        out.append(values.size() > 1 ? "]" : "");
    }
    return out + "}";
}

std::optional<std::string_view> form_value(const Form &form, std::string_view name) {
    for (const auto &[key, value] : form) {
        if (key == name)
            return value;
    }
    return std::nullopt;
}

} // namespace msgstatus::receiver
