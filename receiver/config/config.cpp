#include "config/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include <libpq-fe.h>

#include "base/text_codec.hpp"
#include "http/tls_context.hpp"

extern char **environ; // NOLINT(readability-redundant-declaration): not every libc declares it

namespace msgstatus::receiver {
namespace {

/// What was given of a setting: its values, and for messages the name of the variable they come from.
struct Given {
    std::vector<std::string> values;
    std::string origin;
};
using AllGiven = std::map<std::string, Given, std::less<>>; ///< by name

const Setting *find_setting(std::string_view name) {
    const auto all = settings();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Setting &setting) { return name == setting.name; });
    return found == all.end() ? nullptr : &*found;
}

bool is_of_files(std::string_view name) {
    const Setting *setting = find_setting(name);
    return setting != nullptr && setting->group != command_group;
}

// Returns the values of the flags; what is no flag goes to `words`. No value is shown: it may be a secret.
AllGiven read_flags(int argc, const char *const argv[], std::vector<std::string> &words) {
    AllGiven given;
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument = std::string_view(argv[i]) == "-h" ? "--help" : argv[i];
        if (!argument.starts_with("--")) {
            words.emplace_back(argument);
            continue;
        }
        std::string_view value = argument.substr(2);
        const bool has_value = value.find('=') != std::string_view::npos;
        const std::string name(cut(value, "="));
        const Setting *setting = find_setting(name);
        if (setting == nullptr)
            throw ConfigError("unrecognised option '--" + name + "'");
        if (!has_value && setting->value == nullptr)
            value = "true";
        else if (!has_value && i + 1 == argc)
            throw ConfigError(name + ": the value is missing");
        else if (!has_value)
            value = argv[++i];
        given[name].values.emplace_back(value);
    }
    return given;
}

AllGiven read_environment(std::vector<std::string> &warnings) {
    AllGiven given;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        constexpr std::string_view prefix = "MSGSTATUS_";
        std::string_view value = *entry;
        const std::string variable(cut(value, "="));
        if (!variable.starts_with(prefix))
            continue;
        std::string name = lower_case(variable.substr(prefix.size()));
        std::replace(name.begin(), name.end(), '_', '-');
        const Setting *secret = find_setting(name + "-file");
        if (!is_of_files(name) && name != "config" && (secret == nullptr || secret->secret == nullptr))
            warnings.push_back("the environment variable " + variable + " is no setting of this program");
        else if (!value.empty()) // empty counts as not set
            given[name] = {{std::string(value)}, variable};
    }
    return given;
}

AllGiven read_file(const std::string &path) {
    std::ifstream file(path);
    if (!file)
        throw ConfigError("config: cannot read the file " + path);
    AllGiven given;
    for (std::string text; std::getline(file, text);) {
        std::string_view line = trimmed(std::string_view(text).substr(0, text.find('#')));
        if (line.empty())
            continue;
        const bool has_value = line.find('=') != std::string_view::npos;
        const std::string name(trimmed(cut(line, "=")));
        if (!has_value || !is_of_files(name))
            throw ConfigError("config: in the file " + path + ": no setting: " + name);
        given[name].values.emplace_back(trimmed(line));
    }
    return given;
}

// Returns the secrets of a text, one a line, without blanks around them and without empty lines. Signing keys,
// NAME=SECRET each, may also stand between commas.
// @param origin  for the message
std::vector<std::string> split_secrets(const Setting &setting, std::string_view text, const std::string &origin) {
    const bool are_keys = setting.secret == &Secrets::twilio_signing_keys;
    std::vector<std::string> secrets;
    while (!text.empty()) {
        const std::string_view secret = trimmed(cut(text, are_keys ? "\n," : "\n"));
        const std::size_t equals = secret.find('=');
        if (are_keys && !secret.empty() && (equals == 0 || equals >= secret.size() - 1)) // none is beyond the end, too
            throw ConfigError(origin + ": a key must be NAME=SECRET");
        if (!secret.empty())
            secrets.emplace_back(secret);
    }
    if (secrets.empty())
        throw ConfigError(origin + ": holds no secret");
    return secrets;
}

std::vector<std::string> read_secrets(const Setting &setting, const std::string &path) {
    constexpr std::size_t largest = 65536;
    const std::string origin = std::string(setting.name) + ": the file " + path;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file)
        throw ConfigError(origin + " is larger than 64 kB");
    if (!file.is_open() || !file.eof())
        throw ConfigError(origin + " cannot be read: " + std::generic_category().message(errno != 0 ? errno : EIO));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return split_secrets(setting, text, origin);
}

// Refuses what libpq cannot parse. libpq's message may quote parts of the string, a password among them, so only its
// harmless kinds are passed on.
void check_database(const std::string &database) {
    const bool is_conninfo = database.find('=') != std::string::npos || database.starts_with("postgresql://") ||
                             database.starts_with("postgres://");
    if (!is_conninfo)
        return; // the name of a database, or nothing
    char *message = nullptr;
    PQconninfoOption *parsed = PQconninfoParse(database.c_str(), &message);
    const bool is_good = parsed != nullptr;
    PQconninfoFree(parsed);
    std::string reason = message != nullptr ? message : "out of memory";
    PQfreemem(message);
    if (is_good)
        return;
    if (!reason.starts_with("invalid connection option") && !reason.starts_with("invalid URI query parameter"))
        reason = reason.substr(0, reason.find('"'));
    throw ConfigError("database: no valid libpq connection string or URI: " + std::string(trimmed(reason)));
}

void check_tls(const Config &config) {
    const bool has_certificate = !config.tls_certificate_file.empty();
    if (has_certificate != !config.tls_key_file.empty())
        throw ConfigError(has_certificate ? "tls-key: must be set where tls-cert is"
                                          : "tls-cert: must be set where tls-key is");
    try {
        if (has_certificate)
            TlsContext(config.tls_certificate_file, config.tls_key_file);
    } catch (const std::runtime_error &error) {
        throw ConfigError(error.what());
    }
}

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
}

// Sets everything to what was given, or to its default.
void apply_settings(const AllGiven &given, Config &config) {
    for (const Setting &setting : settings()) {
        const auto found = given.find(setting.name);
        const Given what = found == given.end() ? Given{{setting.standard}, ""} : found->second;
        if (what.values.size() > 1 && !setting.is_list)
            throw ConfigError(std::string(setting.name) + ": is given more than once");
        for (const std::string &value : what.values) {
            const std::string text = value.empty() ? setting.standard : value;
            try {
                if (setting.set != nullptr && (!text.empty() || (setting.is_list && found != given.end())))
                    setting.set(config, setting, text);
            } catch (const ConfigError &error) {
                throw ConfigError((what.origin.empty() ? "" : what.origin + ": ") + error.what());
            }
        }
    }
    for (Rate *rate : {&config.rate_limit, &config.rate_limit_per_address}) {
        if (rate->burst == 0)
            rate->burst = std::max(rate->per_second, 1.0);
    }
    check_database(config.database);
    if (config.buffer_max_bytes < config.http.body_limit)
        throw ConfigError("buffer-max-bytes: must not be less than body-limit");
}

void apply_secrets(const AllGiven &given, Config &config) {
    for (const Setting &setting : settings()) {
        const std::string_view name = setting.name;
        const auto variable = given.find(name.substr(0, name.rfind("-file")));
        if (setting.secret == nullptr || variable == given.end())
            continue;
        if (config.secret_files.contains(name))
            throw ConfigError(variable->first + ": set either " + variable->second.origin + " or " + setting.name +
                              ", not both");
        config.secrets.*setting.secret =
            split_secrets(setting, variable->second.values.front(), variable->second.origin);
    }
    config.secrets = reload_secrets(config);
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
    if (config.sign_provider != "meta" && config.sign_provider != "twilio" && config.sign_provider != "aisensy")
        throw ConfigError("sign: the provider must be meta, twilio or aisensy");
    if (words.size() == 2)
        config.sign_file = words[1];
    if (config.sign_url.empty() && !config.public_url.empty())
        config.sign_url = config.public_url + "/webhooks/twilio/status";
}

} // namespace

Config load_config(int argc, const char *const argv[]) {
    Config config;
    int first = 1;
    if (argc > 1 && argv[1][0] != '-') {
        const std::string_view word = argv[first++];
        if (word != "drain" && word != "sign")
            throw ConfigError("there is no command " + std::string(word) + "; see --help");
        config.command = word == "drain" ? Command::drain : Command::sign;
    }
    std::vector<std::string> words;
    AllGiven given = read_flags(argc - first, argv + first, words);
    for (const char *name : {"help", "settings", "version"}) {
        if (given.contains(name)) {
            config.show = name;
            return config;
        }
    }
    given.merge(read_environment(config.warnings)); // leaves what is there
    const bool has_file = given.contains("config");
    if (has_file)
        given.merge(read_file(given["config"].values.back()));
    apply_settings(given, config);
    apply_words(words, given, config);
    if (config.command == Command::drain) {
        if (config.spool_dir.empty())
            throw ConfigError("spool-dir: must be set");
        return config;
    }
    check_tls(config);
    apply_secrets(given, config);
    if (config.command == Command::sign)
        return config;
    if (!has_file && std::all_of(given.begin(), given.end(), [](const auto &entry) {
            const Setting *setting = find_setting(entry.first);
            return setting != nullptr && setting->group == command_group;
        }))
        config.warnings.emplace_back(
            "nothing is configured: no flag, no variable MSGSTATUS_..., no --config; see --help");
    add_warnings(config);
    return config;
}

Secrets reload_secrets(const Config &config) {
    Secrets secrets = config.secrets;
    for (const auto &[name, path] : config.secret_files) {
        const Setting *setting = find_setting(name);
        secrets.*setting->secret = read_secrets(*setting, path);
    }
    return secrets;
}

} // namespace msgstatus::receiver
