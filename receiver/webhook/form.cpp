#include "webhook/form.hpp"

#include <algorithm>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {

std::optional<Form> decode_form(std::string_view text) {
    Form form;
    while (!text.empty()) {
        std::string_view field = cut(text, "&");
        if (field.empty())
            continue;
        if (form.size() == max_form_fields)
            return std::nullopt;
        auto &[name, value] = form.emplace_back();
        if (!append_percent_decoded(cut(field, "="), name) || !append_percent_decoded(field, value) || !is_utf8(name) ||
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
        std::vector<std::string> values;
        for (auto other = field; other != form.end(); ++other) {
            std::string value = same_name(*other) ? json_string(other->second) : "";
            if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end())
                values.push_back(std::move(value));
        }
        out.append(out.size() > 1 ? "," : "").append(json_string(field->first)).append(values.size() > 1 ? ":[" : ":");
        for (std::size_t i = 0; i < values.size(); ++i)
            out.append(i > 0 ? "," : "").append(values[i]);
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
