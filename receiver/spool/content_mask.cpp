#include "spool/content_mask.hpp"

#include <algorithm>
#include <array>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "observe/mask.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t longest_text = 64;
// Members whose values say what kind of thing it is, and nothing of whom.
constexpr std::array<std::string_view, 10> shown_members = {
    "object", "field", "status",        "type",      "messaging_product",
    "topic",  "code",  "MessageStatus", "SmsStatus", "ErrorCode"};

// is_plain does tell whether a character may stand in a name or a value that is shown; a terminal must not be told
// more.
bool is_plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == ':';
}

// shown_text does return a text without phone numbers and with `*` for every character that is not plain.
std::string shown_text(std::string_view text) {
    std::string shown = mask_phone_numbers(text, longest_text);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return !is_plain(c); }, '*');
    return shown;
}

/// Writes what it hears of a JSON text, masked. The nesting of arrays and objects needs no memory of its own: a comma
/// is due unless something has just begun.
class Masker : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Masker> {
public:
    explicit Masker(std::size_t limit) : limit_(limit) {}

    bool Key(const char *text, rapidjson::SizeType size, bool) {
        begin_value();
        const std::string_view name(text, size);
        shown_ = std::find(shown_members.begin(), shown_members.end(), name) != shown_members.end();
        out_ += '"' + shown_text(name) + "\":";
        after_key_ = true;
        return out_.size() <= limit_;
    }
    bool StartObject() { return open('{'); }
    bool EndObject(rapidjson::SizeType) { return close('}'); }
    bool StartArray() { return open('['); }
    bool EndArray(rapidjson::SizeType) { return close(']'); }
    bool Null() { return value("null"); }
    bool Bool(bool truth) { return value(truth ? "true" : "false"); }
    bool RawNumber(const char *text, rapidjson::SizeType size, bool) { return value(masked({text, size})); }
    bool String(const char *text, rapidjson::SizeType size, bool) { return value('"' + masked({text, size}) + '"'); }

    std::string &&take() && { return std::move(out_); }

private:
    std::string masked(std::string_view text) const { return shown_ ? shown_text(text) : "*"; }
    void begin_value() {
        if (!after_key_ && !first_)
            out_ += ',';
        after_key_ = first_ = false;
    }
    bool value(std::string_view text) {
        begin_value();
        out_ += text;
        return out_.size() <= limit_;
    }
    bool open(char bracket) {
        begin_value();
        shown_ = false;
        out_ += bracket;
        first_ = true;
        return out_.size() <= limit_;
    }
    bool close(char bracket) {
        out_ += bracket;
        first_ = shown_ = false;
        return out_.size() <= limit_;
    }

    std::string out_;
    std::size_t limit_;
    bool shown_ = false;
    bool first_ = true;
    bool after_key_ = false;
};

} // namespace

std::string mask_content(std::string_view json, std::size_t limit) {
    using namespace rapidjson;
    MemoryStream stream(json.data(), json.size());
    GenericReader<UTF8<>, UTF8<>> reader;
    Masker masker(limit);
    const ParseResult result = reader.Parse<kParseIterativeFlag | kParseNumbersAsStringsFlag>(stream, masker);
    std::string out = std::move(masker).take();
    if (!result && result.Code() != kParseErrorTermination)
        return "*";
    if (out.size() > limit) {
        out.resize(limit);
        out += "...";
    }
    return out;
}

} // namespace msgstatus::receiver
