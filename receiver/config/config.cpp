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

constexpr std::string_view prefix = "MSGSTATUS_";

/// What a source says, by name of the setting.
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

const Setting *find_setting(std::string_view name) {
    const auto all = settings();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Setting &setting) { return name == setting.name; });
    return found == all.end() ? nullptr : &*found;
}

// Returns the values of the flags; what is no flag goes to `words`. No value is shown: it may be a secret.
Values read_flags(int argc, const char *const argv[], std::vector<std::string> &words) {
    Values values;
    for (int i = 0; i < argc; ++i) {
        const std::string argument = std::string_view(argv[i]) == "-h" ? "--help" : argv[i];
        if (!argument.starts_with("--")) {
            words.push_back(argument);
            continue;
        }
        const std::size_t equals = argument.find('=');
        const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
        const Setting *setting = find_setting(name);
        if (setting == nullptr)
            throw ConfigError("unrecognised option '--" + name + "'");
        if (equals != std::string::npos)
            values[name].push_back(argument.substr(equals + 1));
        else if (setting->value == nullptr)
            values[name].emplace_back("true");
        else if (++i < argc)
            values[name].emplace_back(argv[i]);
        else
            throw ConfigError(name + ": the value is missing");
    }
    return values;
}

bool is_of_files(const Setting *setting) {
    return setting != nullptr && setting->group != command_group;
}

Values read_environment(std::vector<std::string> &warnings) {
    Values values;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        const std::string_view assignment = *entry;
        const std::size_t equals = assignment.find('=');
        if (!assignment.starts_with(prefix) || equals == std::string_view::npos)
            continue;
        const std::string variable(assignment.substr(0, equals));
        const auto is_variable = [&](const char *name) { return environment_name(name) == variable; };
        const bool is_other =
            is_variable("config") || std::any_of(std::begin(secret_names), std::end(secret_names),
                                                 [&](const SecretName &secret) { return is_variable(secret.name); });
        const auto all = settings();
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const Setting &setting) { return is_variable(setting.name); });
        if (!is_other && (found == all.end() || !is_of_files(&*found)))
            warnings.push_back("the environment variable " + variable + " is no setting of this program");
        else if (!is_other && equals + 1 < assignment.size()) // empty counts as not set
            values[found->name].emplace_back(assignment.substr(equals + 1));
    }
    return values;
}

Values read_file(const std::string &path) {
    std::ifstream file(path);
    if (!file)
        throw ConfigError("config: cannot read the file " + path);
    Values values;
    for (std::string text; std::getline(file, text);) {
        const std::string_view line = trimmed(std::string_view(text).substr(0, text.find('#')));
        const std::size_t equals = line.find('=');
        const std::string name(trimmed(line.substr(0, equals)));
        if (line.empty())
            continue;
        if (equals == std::string_view::npos || !is_of_files(find_setting(name)))
            throw ConfigError("config: in the file " + path + ": no setting: " + name);
        values[name].emplace_back(trimmed(line.substr(equals + 1)));
    }
    return values;
}

std::vector<std::string> split_secrets(std::string_view text, std::string_view separators) {
    std::vector<std::string> secrets;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (const std::string_view secret = trimmed(text.substr(0, end)); !secret.empty())
            secrets.emplace_back(secret);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return secrets;
}

// Returns the secrets of a text, one a line, without blanks around them and without empty lines. Signing keys,
// NAME=SECRET each, may also stand between commas.
// @param origin  for the message
std::vector<std::string> secrets_in_text(std::string_view name, std::string_view text, const std::string &origin) {
    const bool are_keys = name == "twilio-signing-keys";
    std::vector<std::string> secrets = split_secrets(text, are_keys ? "\n," : "\n");
    if (secrets.empty())
        throw ConfigError(origin + ": holds no secret");
    for (const std::string &secret : secrets) {
        const std::size_t equals = secret.find('=');
        if (are_keys && (equals == 0 || equals >= secret.size() - 1)) // none is beyond the end, too
            throw ConfigError(origin + ": a key must be NAME=SECRET");
    }
    return secrets;
}

std::vector<std::string> secrets_in_file(const std::string &name, const std::string &path) {
    constexpr std::size_t largest = 65536;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    const std::string origin = name + "-file: the file " + path;
    if (!file || !file.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
        if (file)
            throw ConfigError(origin + " is larger than 64 kB");
        const std::error_code error(errno != 0 ? errno : EIO, std::generic_category());
        throw ConfigError(origin + " cannot be read: " + error.message());
    }
    return secrets_in_text(name, std::string_view(text).substr(0, static_cast<std::size_t>(file.gcount())), origin);
}

void read_secrets(Config &config) {
    for (const SecretName &secret : secret_names) {
        const std::string variable = environment_name(secret.name);
        const char *value = std::getenv(variable.c_str());
        const auto file = config.secret_files.find(secret.name);
        const bool in_environment = value != nullptr && *value != '\0';
        if (in_environment && file != config.secret_files.end())
            throw ConfigError(std::string(secret.name) + ": set either " + variable + " or " + secret.name +
                              "-file, not both");
        if (in_environment)
            config.secrets.*secret.list = secrets_in_text(secret.name, value, variable);
        else if (file != config.secret_files.end())
            config.secrets.*secret.list = secrets_in_file(secret.name, file->second);
    }
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
    const auto &proxies = config.trusted_proxies.ranges();
    if (std::any_of(proxies.begin(), proxies.end(), [](const AddressRange &range) { return range.is_everything(); }))
        config.warnings.emplace_back("trusted-proxy: anyone can say that a request came from somebody else");
    if ((!config.allow_meta.empty() || !config.allow_twilio.empty() || !config.allow_aisensy.empty()) &&
        config.allow_webhook.empty())
        config.warnings.emplace_back(
            "allow-webhook: not set, so /webhook takes webhooks of every provider from everyone");
    if (has_twilio && config.public_url.empty())
        config.warnings.emplace_back(
            "public-url: not set; Twilio's signatures are checked against the Host header of each request");
}

// Sets everything from the first source that names it, or to its default.
void apply(const std::initializer_list<const Values *> sources, const Values &environment, Config &config) {
    for (const Setting &setting : settings()) {
        const Values *source = nullptr;
        for (const Values *candidate : sources) {
            if (source == nullptr && candidate->contains(setting.name))
                source = candidate;
        }
        if (source == nullptr) {
            if (*setting.standard != '\0')
                setting.set(config, setting, setting.standard);
            continue;
        }
        const std::vector<std::string> &values = source->find(setting.name)->second;
        if (values.size() > 1 && !setting.is_list)
            throw ConfigError(std::string(setting.name) + ": is given more than once");
        try {
            for (const std::string &value : values) {
                if (!value.empty() || setting.is_list)
                    setting.set(config, setting, value);
            }
        } catch (const ConfigError &error) {
            const std::string variable = environment_name(setting.name) + ": ";
            throw ConfigError((source == &environment ? variable : "") + error.what());
        }
    }
}

void set_words(const std::vector<std::string> &words, const Values &flags, Config &config) {
    const bool signs = config.command == Command::sign;
    if (words.size() > (signs ? 2U : 0U))
        throw ConfigError("too many positional arguments");
    if (!signs && flags.contains("url"))
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
    const Values flags = read_flags(argc - first, argv + first, words);
    if (flags.contains("help") || flags.contains("version") || flags.contains("settings")) {
        config.show_help = flags.contains("help");
        config.show_version = flags.contains("version");
        config.show_settings = flags.contains("settings");
        return config;
    }
    const Values environment = read_environment(config.warnings);
    const char *variable = std::getenv("MSGSTATUS_CONFIG");
    const auto flag = flags.find("config");
    const std::string path = flag != flags.end() ? flag->second.back() : variable != nullptr ? variable : "";
    const Values file = path.empty() ? Values() : read_file(path);
    apply({&flags, &environment, &file}, environment, config);
    set_words(words, flags, config);

    for (Rate *rate : {&config.rate_limit, &config.rate_limit_per_address}) {
        if (rate->burst == 0)
            rate->burst = std::max(rate->per_second, 1.0);
    }
    check_database(config.database);
    if (config.buffer_max_bytes < config.body_limit)
        throw ConfigError("buffer-max-bytes: must not be less than body-limit");
    if (config.command == Command::drain) {
        if (config.spool_dir.empty())
            throw ConfigError("spool-dir: must be set");
        return config;
    }
    check_tls(config);
    read_secrets(config);
    if (config.command == Command::sign)
        return config;
    const bool has_secrets =
        std::any_of(std::begin(secret_names), std::end(secret_names),
                    [&](const SecretName &secret) { return !(config.secrets.*secret.list).empty(); });
    const bool is_all_default = std::all_of(flags.begin(), flags.end(),
                                            [](const auto &given) { return !is_of_files(find_setting(given.first)); });
    if (path.empty() && !has_secrets && is_all_default && environment.empty())
        config.warnings.emplace_back(
            "nothing is configured: no flag, no variable MSGSTATUS_..., no --config; see --help");
    add_warnings(config);
    return config;
}

Secrets reload_secrets(const Config &config) {
    Secrets secrets = config.secrets;
    for (const SecretName &secret : secret_names) {
        if (const auto file = config.secret_files.find(secret.name); file != config.secret_files.end())
            secrets.*secret.list = secrets_in_file(file->first, file->second);
    }
    return secrets;
}

} // namespace msgstatus::receiver
