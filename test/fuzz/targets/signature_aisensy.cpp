// AiSensy's signature: accepted is that of the body or of its compact forms, and no other. The input is a header, a
// line feed, and a body.
#include "webhook/signature.hpp"

#include "support/fuzz.hpp"
#include "support/grammar.hpp"
#include "support/sign.hpp"
#include "webhook/json_check.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

// The texts that may have been signed for a body.
std::vector<std::string> signed_texts(std::string_view body) {
    std::vector<std::string> texts{std::string(body)};
    if (fuzz::follows_rfc8259(body)) {
        texts.push_back(without_json_space(body));
        const std::string reserialised = reserialised_json(body);
        if (!reserialised.empty())
            texts.push_back(reserialised);
    }
    return texts;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static AisensySignature verifier(fuzz::secrets);
    fuzz::Input input(fuzz::text_of(data, size));
    const std::string_view header = input.line();
    const std::string_view body = input.rest();

    bool right = false;
    const std::string claimed = fuzz::lower_case(header.starts_with("sha256=") ? header.substr(7) : header);
    for (const std::string &secret : fuzz::secrets) {
        for (const std::string &text : signed_texts(body)) {
            std::string signature = fuzz::hex_signature(secret, text);
            right = right || claimed == signature;
            FUZZ_CHECK(verifier.verify(signature, body));
            FUZZ_CHECK(verifier.verify("sha256=" + signature, body));
            char &digit = signature[size % signature.size()];
            digit = digit == '0' ? '1' : '0';
            FUZZ_CHECK(!verifier.verify(signature, body));
        }
        FUZZ_CHECK(body.empty() || !verifier.verify(fuzz::hex_signature(secret, ""), body));
        FUZZ_CHECK(!verifier.verify(fuzz::hex_signature(secret, std::string(body) + "x"), body));
    }
    FUZZ_CHECK(verifier.verify(header, body) == right);
    FUZZ_CHECK(!verifier.verify(fuzz::hex_signature("another secret", body), body));
    return 0;
}
