// A webhook and a route to check it by, for the tests of methods.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "webhook/method.hpp"

namespace msgstatus::receiver::method_test {

inline const std::string body = R"({"id":"m-1","status":"sent"})";
inline const std::string secret = "secret-one";
constexpr std::int64_t now = 1767225600; // 2026-01-01T00:00:00Z
inline const std::string now_text = "1767225600";

// Returns the settings of a section.
inline WebhookSettings route(const std::string &name, const std::map<std::string, std::string> &lines = {}) {
    AllGiven given;
    given["webhook " + name + " "];
    for (const auto &[setting, value] : lines)
        given["webhook " + name + " " + setting].values = {value};
    return webhook_settings(given).front();
}

// A webhook to check, changed by each test in one place.
struct Sent {
    ProofHeaders headers{};
    std::string text = body;
    std::optional<Form> form{};
    std::string query{};
    std::vector<std::string> urls = {"https://hooks.example.org/webhooks/x"};
    bool is_get = false;
    std::int64_t at = now;
};

inline std::string refusal(const WebhookSettings &settings, const Sent &sent,
                           const std::vector<std::string> &secrets = {secret}) {
    Evidence evidence{.headers = sent.headers, .form = sent.form ? &*sent.form : nullptr};
    evidence.body = sent.is_get ? std::string_view() : std::string_view(sent.text);
    evidence.query = sent.query;
    evidence.urls = sent.urls;
    evidence.is_get = sent.is_get;
    evidence.now = sent.at;
    return std::string(make_method(settings, secrets)->check(evidence).refusal);
}

inline Sent with(const std::string &signature) {
    return {.headers = {.signature = signature}}; // which lives as long as the test's expression
}

} // namespace msgstatus::receiver::method_test
