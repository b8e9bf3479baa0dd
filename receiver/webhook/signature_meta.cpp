#include "webhook/signature.hpp"
#include "webhook/signature_keys.hpp"
#include "webhook/text_codec.hpp"

namespace msgstatus::receiver {

MetaSignature::MetaSignature(const std::vector<std::string> &secrets) : keys_(hmac_keys(DigestKind::sha256, secrets)) {}

bool MetaSignature::verify(std::string_view header, std::string_view body) {
    constexpr std::string_view prefix = "sha256=";
    std::array<unsigned char, 32> claimed{};
    if (!header.starts_with(prefix) || !decode_hex(header.substr(prefix.size()), claimed))
        return false;
    return any_key_signs(keys_, claimed, {body});
}

} // namespace msgstatus::receiver
