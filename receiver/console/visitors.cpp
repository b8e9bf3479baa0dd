#include "console/visitors.hpp"

#include <algorithm>
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

std::size_t Visitors::of_role(const std::string &role) const {
    return static_cast<std::size_t>(std::count_if(visitors_.begin(), visitors_.end(),
                                                  [&](const auto &entry) { return entry.second->role == role; }));
}

bool Visitors::has_room(const std::string &role, const std::string &key) const {
    return visitors_.size() < most_ || visitors_.contains(key) || of_role(role) >= most_of_role_;
}

void Visitors::make_room(const std::string &role) {
    while (of_role(role) >= most_of_role_) {
        const auto of_others = [&](const auto &entry) { return entry.second->role != role; };
        const auto longest =
            std::min_element(visitors_.begin(), visitors_.end(), [&](const auto &one, const auto &other) {
                return std::pair(of_others(one), one.second->active) <
                       std::pair(of_others(other), other.second->active);
            });
        log(LogLevel::info, "session gave way", {{"role", mask_personal_data(role)}});
        remove(std::string(longest->first));
    }
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
