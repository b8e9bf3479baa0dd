// Meta's signature: the right one is always accepted, any other never. The input is a header, a line feed, and a body.
#include "webhook/signature.hpp"

#include "support/fuzz.hpp"
#include "support/sign.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static MetaSignature verifier(fuzz::secrets);
    fuzz::Input input(fuzz::text_of(data, size));
    const std::string_view header = input.line();
    const std::string_view body = input.rest();

    bool right = false;
    for (const std::string &secret : fuzz::secrets) {
        std::string signature = fuzz::hex_signature(secret, body);
        right = right || (header.starts_with("sha256=") && fuzz::lower_case(header.substr(7)) == signature);
        FUZZ_CHECK(verifier.verify("sha256=" + signature, body));
        FUZZ_CHECK(!verifier.verify(signature, body));
        FUZZ_CHECK(!verifier.verify("sha256=" + signature, std::string(body) + " "));
        FUZZ_CHECK(body.empty() || !verifier.verify("sha256=" + signature, body.substr(1)));
        char &digit = signature[size % signature.size()];
        digit = digit == '0' ? '1' : '0';
        FUZZ_CHECK(!verifier.verify("sha256=" + signature, body));
    }
    FUZZ_CHECK(verifier.verify(header, body) == right);
    FUZZ_CHECK(!verifier.verify("sha256=" + fuzz::hex_signature("another secret", body), body));
    return 0;
}
