// Hex, base64, percent coding and UTF-8: decode(encode(x)) is x, and of base64 no second spelling of x is taken.
#include "base/text_codec.hpp"

#include <vector>

#include "support/encode.hpp"
#include "support/fuzz.hpp"
#include "support/grammar.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

std::string_view view_of(const std::vector<unsigned char> &bytes, std::size_t size) {
    return {reinterpret_cast<const char *>(bytes.data()), size};
}

void check_hex(std::string_view text) {
    std::vector<unsigned char> out(text.size());
    for (const std::string_view digits : {"0123456789abcdef", "0123456789ABCDEF"}) {
        FUZZ_CHECK(decode_hex(fuzz::encode_hex(text, digits), out));
        FUZZ_CHECK(view_of(out, out.size()) == text);
    }
    out.resize(text.size() / 2);
    if (decode_hex(text, out))
        FUZZ_CHECK(equals_ignoring_case(fuzz::encode_hex(view_of(out, out.size())), text));
}

void check_base64(std::string_view text) {
    std::vector<unsigned char> out(text.size());
    FUZZ_CHECK(decode_base64(fuzz::encode_base64(text), out) == text.size());
    FUZZ_CHECK(view_of(out, out.size()) == text);
    if (!text.empty()) {
        std::vector<unsigned char> too_small(text.size() - 1);
        FUZZ_CHECK(!decode_base64(fuzz::encode_base64(text), too_small));
    }
    if (const auto size = decode_base64(text, out))
        FUZZ_CHECK(fuzz::encode_base64(view_of(out, *size)) == text);
}

void check_percent(std::string_view text) {
    std::string out = "kept";
    FUZZ_CHECK(append_percent_decoded(fuzz::encode_percent(text), out));
    FUZZ_CHECK(out == "kept" + std::string(text));
    out.clear();
    if (append_percent_decoded(text, out))
        FUZZ_CHECK(out.size() <= text.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    check_hex(text);
    check_base64(text);
    check_percent(text);
    FUZZ_CHECK(is_utf8(text) == fuzz::follows_rfc3629(text));
    const std::string_view trim = trimmed(text);
    FUZZ_CHECK(trimmed(trim) == trim && text.find(trim) != std::string_view::npos);
    return 0;
}
