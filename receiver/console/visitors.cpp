#include "console/visitors.hpp"

#include <array>
#include <new>
#include <vector>

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "observe/log.hpp"

namespace msgstatus::receiver {

std::string Visitors::key_of_token(std::string_view token) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char *>(token.data()), token.size(), hash.data());
    return "hash:" + std::string(hash.begin(), hash.end());
}

std::string Visitors::new_token() {
    std::array<unsigned char, 32> bytes{};
    if (RAND_bytes(bytes.data(), bytes.size()) != 1)
        throw std::bad_alloc();
    constexpr std::string_view digits = "0123456789abcdef";
    std::string token;
    for (const unsigned char byte : bytes)
        token.append({digits[byte >> 4], digits[byte & 15]});
    return token;
}

std::shared_ptr<Visitor> Visitors::find(const std::string &key) {
    const auto found = visitors_.find(key);
    if (found == visitors_.end())
        return nullptr;
    if (!is_over(*found->second, Clock::now()))
        return found->second;
    remove(key);
    return nullptr;
}

void Visitors::remove(const std::string &key) {
    const auto found = visitors_.find(key);
    if (found == visitors_.end())
        return;
    found->second->line->close();
    visitors_.erase(found);
}

void Visitors::sweep() {
    const Clock::time_point now = Clock::now();
    std::vector<std::string> over;
    for (const auto &[key, visitor] : visitors_) {
        if (is_over(*visitor, now) || (visitor->line->is_lost() && now - visitor->active > std::chrono::minutes(1)))
            over.push_back(key);
    }
    for (const std::string &key : over)
        remove(key);
    if (!over.empty())
        log(LogLevel::info, "sessions ended", {{"count", over.size()}, {"left", visitors_.size()}});
}

void Visitors::clear() {
    while (!visitors_.empty())
        remove(visitors_.begin()->first);
}

} // namespace msgstatus::receiver
