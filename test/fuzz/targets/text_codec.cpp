// Base64, letter case, parts, percent coding and UTF-8, against other programs for the same.
#include "base/text_codec.hpp"

#include "support/encode.hpp"
#include "support/fuzz.hpp"
#include "support/grammar.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

void check_cut(std::string_view text) {
    std::string joined;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t size = rest.size();
        joined.append(cut(rest, ",;"));
        if (joined.size() < text.size())
            joined.push_back(text[joined.size()]);
        FUZZ_CHECK(rest.size() < size);
    }
    FUZZ_CHECK(joined == text);
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
    FUZZ_CHECK(encode_base64(text) == fuzz::encode_base64(text));
    FUZZ_CHECK(equals_ignoring_case(lower_case(text), text));
    check_cut(text);
    check_percent(text);
    FUZZ_CHECK(is_utf8(text) == fuzz::follows_rfc3629(text));
    const std::string_view trim = trimmed(text);
    FUZZ_CHECK(trimmed(trim) == trim && text.find(trim) != std::string_view::npos);
    return 0;
}
