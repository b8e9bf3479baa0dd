// Signatures as providers make them, and secrets to make them with.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "support/encode.hpp"

namespace msgstatus::fuzz {

// Two are valid at a time, as while secrets change.
inline const std::vector<std::string> secrets = {"secret-in-use-0123", "secret-to-come-4567"};

inline std::string hex_signature(std::string_view secret, std::string_view text) {
    return encode_hex(hmac_of(EVP_sha256(), secret, text));
}

inline std::string base64_signature(std::string_view secret, std::string_view text) {
    return encode_base64(hmac_of(EVP_sha1(), secret, text));
}

// Turns ASCII letters of the text into lower case.
inline std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char &c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

} // namespace msgstatus::fuzz
