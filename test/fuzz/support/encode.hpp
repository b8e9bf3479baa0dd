// The other direction of what the receiver decodes, and digests by another way of OpenSSL's than the receiver goes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace msgstatus::fuzz {

inline const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

inline std::string encode_hex(std::string_view bytes, std::string_view digits = "0123456789abcdef") {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(digits[byte >> 4U]);
        out.push_back(digits[byte & 15U]);
    }
    return out;
}

inline std::string encode_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL ends it with a NUL
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char *>(out.data()), bytes_of(bytes),
                                                        static_cast<int>(bytes.size()))));
    return out;
}

// Every byte but letters and digits as %XX.
inline std::string encode_percent(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (plain)
            out.push_back(c);
        else
            out.append("%").append(encode_hex({&c, 1}));
    }
    return out;
}

inline std::string digest_of(const EVP_MD *kind, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), out.data(), &size, kind, nullptr);
    return {reinterpret_cast<const char *>(out.data()), size};
}

inline std::string hmac_of(const EVP_MD *kind, std::string_view key, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    HMAC(kind, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), out.data(), &size);
    return {reinterpret_cast<const char *>(out.data()), size};
}

} // namespace msgstatus::fuzz
