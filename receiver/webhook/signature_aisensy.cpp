#include "webhook/json_check.hpp"
#include "webhook/signature.hpp"
#include "webhook/signature_keys.hpp"
#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {

AisensySignature::AisensySignature(const std::vector<std::string> &secrets)
    : keys_(hmac_keys(DigestKind::sha256, secrets)) {}

bool AisensySignature::verify(std::string_view header, std::string_view body) {
    constexpr std::string_view prefix = "sha256=";
    if (header.starts_with(prefix))
        header.remove_prefix(prefix.size());
    std::array<unsigned char, 32> claimed{};
    if (!decode_hex(header, claimed))
        return false;
    if (any_key_signs(keys_, claimed, {body}))
        return true;
    if (!is_json(body))
        return false;
    if (any_key_signs(keys_, claimed, {without_json_space(body)}))
        return true;
    // No form is no body: the signature of nothing must not pass for that of a body that cannot be printed anew.
    const std::string reserialised = reserialised_json(body);
    return !reserialised.empty() && any_key_signs(keys_, claimed, {reserialised});
}

} // namespace msgstatus::receiver
