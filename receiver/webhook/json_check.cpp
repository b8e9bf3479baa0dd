#include "webhook/json_check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <set>
#include <utility>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

// Iterative: the depth of nesting costs heap, never stack.
constexpr unsigned ascii_flags = rapidjson::kParseIterativeFlag;
constexpr unsigned utf8_flags = ascii_flags | rapidjson::kParseValidateEncodingFlag;

/// RapidJSON writes through what its allocator returns, also where that is null: this one throws instead.
class ThrowingAllocator {
public:
    static constexpr bool kNeedFree = true;

    static void *Malloc(std::size_t size) { return size == 0 ? nullptr : ::operator new(size); }
    static void *Realloc(void *old, std::size_t old_size, std::size_t size) {
        void *const moved = Malloc(size);
        if (old_size > 0 && size > 0)
            std::memcpy(moved, old, std::min(old_size, size));
        Free(old);
        return moved;
    }
    static void Free(void *memory) noexcept { ::operator delete(memory); }
};

using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingAllocator>;
using Buffer = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, ThrowingAllocator>;

/// Collects the members of an object that are no arrays and no objects.
class MembersHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MembersHandler> {
public:
    explicit MembersHandler(bool flat) : flat_(flat) {}

    bool StartObject() { return ++depth_ == 1 || !flat_; }
    bool StartArray() { return ++depth_ > 1 && !flat_; }
    bool EndObject(rapidjson::SizeType /*members*/) { return --depth_ >= 0; }
    bool EndArray(rapidjson::SizeType /*elements*/) { return --depth_ >= 0; }
    bool Key(const char *text, rapidjson::SizeType size, bool /*copy*/) {
        name_.assign(text, depth_ == 1 ? size : 0);
        return depth_ > 1 || names_.insert(name_).second;
    }
    bool String(const char *text, rapidjson::SizeType size, bool /*copy*/) { return add({text, size}); }
    bool RawNumber(const char *text, rapidjson::SizeType size, bool /*copy*/) { return add({text, size}); }
    bool Bool(bool value) { return add(value ? "true" : "false"); }
    bool Null() { return add("null"); }

    std::map<std::string, std::string, std::less<>> members;

private:
    bool add(std::string_view value) {
        if (depth_ == 1)
            members.emplace(name_, value);
        return depth_ > 0;
    }

    bool flat_;
    int depth_ = 0;
    std::string name_;
    std::set<std::string, std::less<>> names_;
};

// Looks at eight bytes at a time.
bool is_ascii(std::string_view text) noexcept {
    std::uint64_t seen = 0;
    for (; text.size() >= sizeof seen; text.remove_prefix(sizeof seen)) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text.data(), sizeof bytes);
        seen |= bytes;
    }
    for (const char c : text)
        seen |= static_cast<unsigned char>(c);
    return (seen & 0x8080808080808080) == 0;
}

template <class Handler>
rapidjson::ParseErrorCode parse(Reader &reader, std::string_view text, Handler &handler) {
    rapidjson::MemoryStream stream(text.data(), text.size());
    // Almost all bodies are ASCII; to validate that as UTF-8 character by character would cost more than the rest.
    const rapidjson::ParseResult result =
        is_ascii(text) ? reader.Parse<ascii_flags>(stream, handler) : reader.Parse<utf8_flags>(stream, handler);
    if (result.IsError())
        return result.Code();
    // The stream shows its end as NUL, so a NUL byte among the text would pass for it.
    return stream.Tell() == text.size() ? rapidjson::kParseErrorNone : rapidjson::kParseErrorDocumentRootNotSingular;
}

// RapidJSON refuses lone surrogates in escapes and numbers beyond double, which the grammar allows. Returns the text
// with the former replaced and with all runs of digits shortened, in strings, too, where they do not matter; errors
// stay.
std::string neutralised(std::string_view text) {
    constexpr std::size_t digits_kept = 15;
    std::string out;
    out.reserve(text.size());
    bool in_exponent = false;
    std::size_t digits = 0;
    while (!text.empty()) {
        const char c = text.front();
        std::size_t size = 1;
        if (c >= '0' && c <= '9') {
            if (in_exponent)
                out.push_back('0');
            else if (++digits <= digits_kept)
                out.push_back(c);
        } else {
            digits = 0;
            in_exponent = c == 'e' || c == 'E' || (in_exponent && (c == '+' || c == '-'));
            size = c == '\\' ? 2 : 1;
            const bool surrogate = (text.starts_with("\\ud") || text.starts_with("\\uD")) &&
                                   text.substr(0, 4).find_first_of("89abcdefABCDEF", 3) == 3;
            if (surrogate)
                size = 4; // the last two digits follow as they are
            out.append(surrogate ? "\\u00" : text.substr(0, size));
        }
        text.remove_prefix(std::min(size, text.size()));
    }
    return out;
}

} // namespace

std::optional<std::map<std::string, std::string, std::less<>>> json_members(std::string_view text, bool flat) {
    MembersHandler handler(flat);
    Reader reader;
    rapidjson::MemoryStream stream(text.data(), text.size());
    constexpr unsigned flags = utf8_flags | rapidjson::kParseNumbersAsStringsFlag;
    if (reader.Parse<flags>(stream, handler).IsError() || stream.Tell() != text.size())
        return std::nullopt;
    return std::move(handler.members);
}

bool is_json(std::string_view text) {
    Reader reader;
    rapidjson::BaseReaderHandler<> nothing;
    switch (parse(reader, text, nothing)) {
    case rapidjson::kParseErrorNone:
        return true;
    case rapidjson::kParseErrorNumberTooBig:
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
        return parse(reader, neutralised(text), nothing) == rapidjson::kParseErrorNone;
    default:
        return false;
    }
}

std::string without_json_space(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
            continue;
        out.push_back(c);
        if (in_string && c == '\\' && i + 1 < text.size())
            out.push_back(text[++i]);
        else if (c == '"')
            in_string = !in_string;
    }
    return out;
}

std::string reserialised_json(std::string_view text) {
    Buffer buffer;
    rapidjson::Writer<Buffer, rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingAllocator> writer(buffer);
    Reader reader;
    if (parse(reader, text, writer) != rapidjson::kParseErrorNone)
        return {};
    const std::string_view printed(buffer.GetString(), buffer.GetSize());
    // Of lone surrogates RapidJSON refuses the high ones and prints the low ones as they are, which is not UTF-8.
    return is_utf8(printed) ? std::string(printed) : std::string();
}

} // namespace msgstatus::receiver
