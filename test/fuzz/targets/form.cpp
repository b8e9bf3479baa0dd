// Forms: what is decoded is what was encoded, and the JSON of a form says all of it and nothing else.
#include "webhook/form.hpp"

#include <algorithm>

#include <rapidjson/document.h>

#include "support/encode.hpp"
#include "support/fuzz.hpp"
#include "support/grammar.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

std::string encoded(const Form &form) {
    std::string out;
    for (const auto &[name, value] : form)
        out.append(out.empty() ? "" : "&")
            .append(fuzz::encode_percent(name))
            .append("=")
            .append(fuzz::encode_percent(value));
    return out;
}

std::vector<std::string> distinct_values(const Form &form, std::string_view name) {
    std::vector<std::string> values;
    for (const auto &[other, value] : form)
        if (other == name && std::find(values.begin(), values.end(), value) == values.end())
            values.push_back(value);
    return values;
}

std::string text_of(const rapidjson::Value &value) {
    return {value.GetString(), value.GetStringLength()};
}

void check_json(const Form &form) {
    const std::string json = form_to_json(form);
    FUZZ_CHECK(fuzz::follows_rfc8259(json));
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    FUZZ_CHECK(!document.HasParseError() && document.IsObject());
    std::vector<std::string> names;
    const auto check_member = [&](const auto &member) {
        const std::string name = text_of(member.name);
        FUZZ_CHECK(std::find(names.begin(), names.end(), name) == names.end());
        names.push_back(name);
        std::vector<std::string> values;
        if (member.value.IsArray())
            for (const auto &value : member.value.GetArray())
                values.push_back(text_of(value));
        else
            values.push_back(text_of(member.value));
        FUZZ_CHECK(values.size() > 1 || !member.value.IsArray());
        FUZZ_CHECK(values == distinct_values(form, name));
        FUZZ_CHECK(form_value(form, name) == std::string_view(values.front()));
    };
    std::for_each_n(document.MemberBegin(), document.MemberCount(), check_member);
    for (const auto &[name, value] : form)
        FUZZ_CHECK(std::find(names.begin(), names.end(), name) != names.end());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto form = decode_form(fuzz::text_of(data, size));
    if (!form)
        return 0;
    FUZZ_CHECK(form->size() <= max_form_fields);
    for (const auto &[name, value] : *form)
        FUZZ_CHECK(fuzz::follows_rfc3629(name) && fuzz::follows_rfc3629(value));
    FUZZ_CHECK(decode_form(encoded(*form)) == form);
    check_json(*form);
    return 0;
}
