#include "config/config.hpp"

#include <algorithm>

namespace msgstatus::receiver {
namespace {

// Warns of what is valid and yet probably not meant.
void add_warnings(Config &config) {
    const bool has_twilio = !config.secrets.twilio_auth_tokens.empty() || !config.secrets.twilio_signing_keys.empty();
    std::string names;
    for (const auto &[has_secret, name] : {std::pair{!config.secrets.meta_app_secrets.empty(), "meta"},
                                           {has_twilio, "twilio"},
                                           {!config.secrets.aisensy_secrets.empty(), "aisensy"}}) {
        if (!has_secret)
            names += names.empty() ? name : std::string(", ") + name;
    }
    for (std::size_t i = 0; i < config.webhooks.size(); ++i) {
        if (config.secrets.webhooks[i].empty())
            names += (names.empty() ? "" : ", ") + config.webhooks[i].name;
    }
    if (!names.empty())
        config.warnings.push_back(config.allow_unsigned
                                      ? "allow-unsigned: anyone can send statuses in the name of " + names
                                      : "no secret is set for " + names + ": their webhooks get 401");
    if (!config.secrets.meta_app_secrets.empty() && config.secrets.meta_verify_tokens.empty())
        config.warnings.emplace_back("meta-verify-token: not set, so Meta's handshake gets 403");
    if (config.http.trusted_proxies.has_everyone())
        config.warnings.emplace_back("trusted-proxy: anyone can say that a request came from somebody else");
    if ((!config.allow_meta.empty() || !config.allow_twilio.empty() || !config.allow_aisensy.empty()) &&
        config.allow_webhook.empty())
        config.warnings.emplace_back(
            "allow-webhook: not set, so /webhook takes webhooks of every provider from everyone");
    if (has_twilio && config.public_url.empty())
        config.warnings.emplace_back(
            "public-url: not set; Twilio's signatures are checked against the Host header of each request");
    for (const WebhookSettings &route : config.webhooks) {
        const bool signs_url = route.auth == Auth::plivo || route.auth == Auth::plivo_v2 || route.auth == Auth::jwt;
        if (signs_url && config.public_url.empty())
            config.warnings.push_back("public-url: not set; what " + route.name +
                                      " signs of a URL is checked against the Host header of each request");
    }
}

// Sets what follows from other settings, and checks those that depend on each other.
void complete(Config &config) {
    for (Rate *rate : {&config.rate_limit, &config.rate_limit_per_address}) {
        if (rate->burst == 0)
            rate->burst = std::max(rate->per_second, 1.0);
    }
    check_database(config.database);
    if (config.buffer_max_bytes < config.http.body_limit)
        throw ConfigError("buffer-max-bytes: must not be less than body-limit");
}

void apply_words(const std::vector<std::string> &words, const AllGiven &given, Config &config) {
    const bool signs = config.command == Command::sign;
    if (words.size() > (signs ? 2U : 0U))
        throw ConfigError("too many positional arguments");
    if (!signs && given.contains("url"))
        throw ConfigError("url: is for the command sign alone");
    if (!signs)
        return;
    config.sign_provider = words.empty() ? "" : words[0];
    const auto is_named = [&](const WebhookSettings &route) { return route.name == config.sign_provider; };
    if (config.sign_provider != "meta" && config.sign_provider != "twilio" && config.sign_provider != "aisensy" &&
        std::none_of(config.webhooks.begin(), config.webhooks.end(), is_named))
        throw ConfigError("sign: the provider must be meta, twilio or aisensy, or have a section [webhook NAME]");
    if (words.size() == 2)
        config.sign_file = words[1];
    if (config.sign_url.empty() && !config.public_url.empty())
        config.sign_url = config.public_url + "/webhooks/twilio/status";
}

} // namespace

Config load_config(int argc, const char *const argv[]) {
    Config config;
    const Program &program = receiver_program();
    int first = 1;
    if (argc > 1 && argv[1][0] != '-') {
        const std::string_view word = argv[first++];
        if (word != "drain" && word != "sign")
            throw ConfigError("there is no command " + std::string(word) + "; see --help");
        config.command = word == "drain" ? Command::drain : Command::sign;
    }
    std::vector<std::string> words;
    const AllGiven given = gather_settings(program, argc - first, argv + first, words, config);
    if (!config.show.empty())
        return config;
    apply_settings(program, given, config);
    config.webhooks = webhook_settings(given);
    complete(config);
    apply_words(words, given, config);
    if (config.command == Command::drain) {
        if (config.spool_dir.empty())
            throw ConfigError("spool-dir: must be set");
        return config;
    }
    check_tls(config.tls_certificate_file, config.tls_key_file);
    apply_secrets(program, given, config);
    config.secrets.webhooks = webhook_secrets(config.webhooks);
    if (config.command == Command::sign)
        return config;
    warn_of_no_settings(program, given, config);
    add_warnings(config);
    return config;
}

Secrets reload_secrets(const Config &config) {
    Config copy = config;
    read_secret_files(receiver_program(), copy);
    copy.secrets.webhooks = webhook_secrets(config.webhooks);
    return copy.secrets;
}

} // namespace msgstatus::receiver
