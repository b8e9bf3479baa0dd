// Twilio's signature, of forms and of JSON bodies: the right one is always accepted, any other never. The input is a
// header, a URL, and a body, each of the first two on a line.
#include "webhook/signature.hpp"

#include <map>
#include <set>

#include "support/fuzz.hpp"
#include "support/sign.hpp"

using namespace msgstatus;
using namespace msgstatus::receiver;

namespace {

std::string parameters_of(const Form &form) {
    std::map<std::string, std::set<std::string>> sorted;
    for (const auto &[name, value] : form)
        sorted[name].insert(value);
    std::string out;
    for (const auto &[name, values] : sorted)
        for (const std::string &value : values)
            out.append(name).append(value);
    return out;
}

// The texts that may have been signed: the URL as it is, or with its port added or removed.
std::vector<std::string> signed_texts(const std::string &url, const std::string &parameters) {
    return {url + parameters, url_with_other_port(url) + parameters};
}

template <typename Verify>
void check(std::string_view header, const std::vector<std::string> &texts, Verify verify) {
    bool right = false;
    for (const std::string &secret : fuzz::secrets) {
        for (const std::string &text : texts) {
            std::string signature = fuzz::base64_signature(secret, text);
            right = right || header == signature;
            FUZZ_CHECK(verify(signature));
            char &digit = signature[text.size() % 26];
            digit = digit == 'A' ? 'B' : 'A';
            FUZZ_CHECK(!verify(signature));
        }
        FUZZ_CHECK(!verify(fuzz::base64_signature(secret, texts.front() + "x")));
    }
    FUZZ_CHECK(verify(std::string(header)) == right);
    FUZZ_CHECK(!verify(fuzz::base64_signature("another secret", texts.front())));
}

void check_other_port(const std::string &url) {
    const std::string once = url_with_other_port(url);
    FUZZ_CHECK(once.size() <= url.size() + 4);
    FUZZ_CHECK(url_with_other_port(url_with_other_port(once)) == once);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static TwilioSignature verifier(fuzz::secrets);
    fuzz::Input input(fuzz::text_of(data, size));
    const std::string_view header = input.line();
    const std::string url(input.line());
    const std::string_view body = input.rest();
    check_other_port(url);

    if (const auto form = decode_form(body)) {
        FUZZ_CHECK(twilio_parameters(*form) == parameters_of(*form));
        check(header, signed_texts(url, parameters_of(*form)),
              [&](const std::string &signature) { return verifier.verify_form(signature, url, *form); });
    }

    // The body of the URL as it stands is vouched for only if its digest stands in the URL, too.
    const std::string digest = fuzz::encode_hex(fuzz::digest_of(EVP_sha256(), body));
    if (url.find('%') == std::string::npos && url.find(digest) == std::string::npos)
        for (const std::string &text : signed_texts(url, ""))
            FUZZ_CHECK(fuzz::lower_case(url).find(digest) != std::string::npos ||
                       !verifier.verify_body(fuzz::base64_signature(fuzz::secrets.front(), text), url, body));
    const std::string vouching = url.substr(0, url.find('?')) + "?bodySHA256=" + digest;
    check(header, signed_texts(vouching, ""),
          [&](const std::string &signature) { return verifier.verify_body(signature, vouching, body); });
    FUZZ_CHECK(!verifier.verify_body(fuzz::base64_signature(fuzz::secrets.front(), vouching), vouching,
                                     std::string(body) + " "));
    return 0;
}
