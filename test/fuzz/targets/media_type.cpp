// Content-Type: case and white space around its parts make no difference, and parameters never turn one type into
// another.
#include "http/request.hpp"

#include <string>

#include "support/fuzz.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const MediaType type = classify_media_type(text);
    std::string changed;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        changed.push_back(letter ? static_cast<char>(c ^ 0x20) : c);
        if (c == ';')
            changed.append(" \t");
    }
    FUZZ_CHECK(classify_media_type("\t" + changed + " ") == type);
    if (type == MediaType::other)
        return 0;
    FUZZ_CHECK(classify_media_type(text.substr(0, text.find(';'))) == type);
    FUZZ_CHECK(classify_media_type(std::string(text) + ";charset=utf-8") == type);
    FUZZ_CHECK(classify_media_type(std::string(text) + "; charset=latin1") == MediaType::other);
    return 0;
}
