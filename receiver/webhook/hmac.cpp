#include "webhook/hmac.hpp"

#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

namespace msgstatus::receiver {
namespace {

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

} // namespace

Hmac::Hmac(DigestKind kind, std::string_view key) {
    EVP_MAC *mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (mac == nullptr)
        throw std::runtime_error("OpenSSL offers no HMAC");
    context_.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac); // the context holds its own reference
    char name[] = "SHA256";
    char name_sha1[] = "SHA1";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, kind == DigestKind::sha1 ? name_sha1 : name, 0),
        OSSL_PARAM_construct_end(),
    };
    if (!context_ || EVP_MAC_init(context_.get(), bytes_of(key), key.size(), params) != 1)
        throw std::runtime_error("OpenSSL cannot set up an HMAC");
}

Digest Hmac::compute(std::initializer_list<std::string_view> parts) {
    // Without a key, init starts over with the one given at construction.
    bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
    for (const std::string_view part : parts)
        ok = ok && EVP_MAC_update(context_.get(), bytes_of(part), part.size()) == 1;
    Digest digest;
    ok = ok && EVP_MAC_final(context_.get(), digest.bytes.data(), &digest.size, digest.bytes.size()) == 1;
    if (!ok)
        throw std::runtime_error("OpenSSL cannot compute an HMAC");
    return digest;
}

Digest sha256(std::string_view text) {
    Digest digest;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.bytes.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("OpenSSL cannot compute a SHA-256");
    digest.size = size;
    return digest;
}

bool equal_in_constant_time(std::span<const unsigned char> a, std::span<const unsigned char> b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace msgstatus::receiver
