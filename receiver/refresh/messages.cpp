#include "refresh/messages.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "refresh/sid.hpp"

namespace msgstatus::refresh {
namespace {

using rapidjson::Value;

// Without recursion, so that no depth of nesting overflows the stack.
constexpr unsigned parse_flags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;

bool parse(rapidjson::Document &document, const std::string &body) {
    document.Parse<parse_flags>(body.data(), body.size());
    return !document.HasParseError() && document.IsObject();
}

// Returns the text of a member, or an empty one.
std::string_view text_of(const Value &object, const char *name) {
    const auto member = object.FindMember(name);
    if (member == object.MemberEnd() || !member->value.IsString())
        return {};
    return {member->value.GetString(), member->value.GetStringLength()};
}

} // namespace

bool is_message(const std::string &body, std::string_view sid) {
    rapidjson::Document document;
    return parse(document, body) && text_of(document, "sid") == sid && !text_of(document, "status").empty();
}

std::optional<Page> read_page(const std::string &body) {
    rapidjson::Document document;
    if (!parse(document, body))
        return std::nullopt;
    const Value &object = document;
    const auto messages = object.FindMember("messages");
    if (messages == object.MemberEnd() || !messages->value.IsArray())
        return std::nullopt;
    Page page;
    for (const Value &message : messages->value.GetArray()) {
        const std::string_view sid = message.IsObject() ? text_of(message, "sid") : std::string_view();
        if (!is_message_sid(sid))
            continue;
        rapidjson::StringBuffer buffer;
        rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
        message.Accept(writer);
        page.sids.emplace_back(sid);
        page.bodies.emplace_back(buffer.GetString(), buffer.GetSize());
    }
    page.next = text_of(document, "next_page_uri");
    return page;
}

} // namespace msgstatus::refresh
