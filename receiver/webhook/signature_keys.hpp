// What the verifiers share.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "webhook/hmac.hpp"

namespace msgstatus::receiver {

inline std::vector<Hmac> hmac_keys(DigestKind kind, const std::vector<std::string> &secrets) {
    std::vector<Hmac> keys;
    keys.reserve(secrets.size());
    for (const std::string &secret : secrets)
        keys.emplace_back(kind, secret);
    return keys;
}

/// any_key_signs does tell whether the HMAC of the concatenated parts under any of the keys is the one claimed.
inline bool any_key_signs(std::vector<Hmac> &keys, std::span<const unsigned char> claimed,
                          std::initializer_list<std::string_view> parts) {
    bool found = false;
    for (Hmac &key : keys)
        found = equal_in_constant_time(key.compute(parts).span(), claimed) || found;
    return found;
}

} // namespace msgstatus::receiver
