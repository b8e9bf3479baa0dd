// Keyed digests through OpenSSL, kept keyed between messages because setting up a key costs more than a short body.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <openssl/evp.h>

namespace msgstatus::receiver {

enum class DigestKind { sha1, sha256 };

/// A digest with its length: 20 bytes for SHA-1, 32 for SHA-256.
struct Digest {
    std::array<unsigned char, 32> bytes{};
    std::size_t size = 0;

    std::span<const unsigned char> span() const noexcept { return {bytes.data(), size}; }
};

/// Hmac does compute HMACs (RFC 2104) with one key. Not for use by several threads at a time.
class Hmac {
public:
    /// @throws std::runtime_error if OpenSSL has no such digest
    Hmac(DigestKind kind, std::string_view key);

    /// compute does return the HMAC of the concatenated parts.
    /// @throws std::runtime_error if OpenSSL fails
    Digest compute(std::initializer_list<std::string_view> parts);

private:
    struct Free {
        void operator()(EVP_MAC_CTX *context) const noexcept { EVP_MAC_CTX_free(context); }
    };
    std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

/// sha256 does return the plain SHA-256 of the text.
/// @throws std::runtime_error if OpenSSL fails
Digest sha256(std::string_view text);

/// equal_in_constant_time does compare two digests without telling by its duration where they differ.
bool equal_in_constant_time(std::span<const unsigned char> a, std::span<const unsigned char> b) noexcept;

/// equal_in_constant_time does compare two secrets; only their lengths may show.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

} // namespace msgstatus::receiver
