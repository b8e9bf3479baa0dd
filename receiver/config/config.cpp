#include "config/config.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <libpq-fe.h>

#include "config/config_options.hpp"
#include "config/secrets.hpp"
#include "http/tls_context.hpp"

extern char **environ; // NOLINT(readability-redundant-declaration): not every libc declares it

namespace msgstatus::receiver {

namespace po = boost::program_options;

namespace {

// What may follow MSGSTATUS_ without being the name of an option: the secrets themselves and --config.
std::set<std::string> other_environment_names() {
    std::set<std::string> names{environment_name("config")};
    for (const SecretName &secret : secret_names)
        names.insert(environment_name(secret.name));
    return names;
}

void store_flags(int argc, const char *const argv[], const po::options_description &options,
                 const po::positional_options_description &positions, po::variables_map &settings) {
    using namespace po::command_line_style;
    try {
        // No guessing: --meta-app-secret must not pass for --meta-app-secret-file.
        po::store(po::command_line_parser(argc, argv)
                      .options(options)
                      .style((unix_style & ~allow_guessing) | 0)
                      .positional(positions)
                      .run(),
                  settings);
    } catch (const po::error &error) {
        throw ConfigError(error.what());
    }
}

void store_environment(const po::options_description &options, po::variables_map &settings,
                       std::vector<std::string> &warnings) {
    const std::string prefix = "MSGSTATUS_";
    const std::set<std::string> others = other_environment_names();
    for (char **entry = environ; *entry != nullptr; ++entry) {
        const std::string assignment = *entry;
        const std::size_t equals = assignment.find('=');
        if (!assignment.starts_with(prefix) || equals == std::string::npos)
            continue;
        const std::string variable = assignment.substr(0, equals);
        std::string name = variable.substr(prefix.size());
        std::transform(name.begin(), name.end(), name.begin(), [](char c) {
            return c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
        });
        if (others.contains(variable))
            continue;
        if (options.find_nothrow(name, false) == nullptr) {
            warnings.push_back("the environment variable " + variable + " is no setting of this program");
            continue;
        }
        if (equals + 1 == assignment.size())
            continue; // empty counts as not set
        po::parsed_options parsed(&options);
        parsed.options.emplace_back(name, std::vector<std::string>{assignment.substr(equals + 1)});
        try {
            po::store(parsed, settings);
        } catch (const po::error &error) {
            throw ConfigError(variable + ": " + error.what());
        }
    }
}

void store_file(const std::string &path, const po::options_description &options, po::variables_map &settings) {
    std::ifstream file(path);
    if (!file)
        throw ConfigError("config: cannot read the file " + path);
    try {
        po::store(po::parse_config_file(file, options), settings);
    } catch (const po::error &error) {
        throw ConfigError("config: in the file " + path + ": " + error.what());
    }
}

std::string value_of(const po::variables_map &settings, const std::string &name) {
    const po::variable_value &value = settings[name];
    return value.empty() ? std::string() : value.as<std::string>();
}

std::size_t count_of(const po::variables_map &settings, const std::string &name, std::size_t least, std::size_t most) {
    const auto value = settings[name].as<std::size_t>();
    if (value < least || value > most)
        throw ConfigError(name + ": must be from " + std::to_string(least) + " to " + std::to_string(most));
    return value;
}

std::chrono::milliseconds duration_of(const po::variables_map &settings, const std::string &name) {
    const auto seconds = settings[name].as<double>();
    if (!std::isfinite(seconds) || seconds < 0.1 || seconds > 86400)
        throw ConfigError(name + ": must be from 0.1 to 86400 seconds");
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

Endpoint endpoint_of(const po::variables_map &settings, const std::string &name) {
    const std::optional<Endpoint> endpoint = parse_endpoint(value_of(settings, name));
    if (!endpoint)
        throw ConfigError(name + ": must be HOST:PORT, e.g. 127.0.0.1:8080 or [::1]:8080");
    return *endpoint;
}

std::vector<std::string> split_keys(const std::string &name, std::vector<std::string> secrets) {
    return name == "twilio-signing-keys" ? split_signing_keys(secrets) : secrets;
}

std::vector<std::string> secrets_in_file(const std::string &name, const std::string &path) {
    try {
        return split_keys(name, read_secret_file(path));
    } catch (const std::runtime_error &error) {
        throw ConfigError(name + "-file: " + error.what());
    }
}

std::vector<std::string> secrets_of(const po::variables_map &settings, const std::string &name, Config &config) {
    const std::string variable = environment_name(name);
    const std::string option = name + "-file";
    const char *value = std::getenv(variable.c_str());
    const bool in_environment = value != nullptr && *value != '\0';
    const std::string path = value_of(settings, option);
    if (in_environment && !path.empty())
        throw ConfigError(name + ": set either " + variable + " or " + option + ", not both");
    if (in_environment) {
        std::vector<std::string> secrets = split_secrets(value);
        if (secrets.empty())
            throw ConfigError(variable + ": holds no secret");
        try {
            return split_keys(name, std::move(secrets));
        } catch (const std::runtime_error &error) {
            throw ConfigError(variable + ": " + error.what());
        }
    }
    if (path.empty())
        return {};
    config.secret_files[name] = path;
    return secrets_in_file(name, path);
}

AddressList addresses_of(const po::variables_map &settings, const std::string &name) {
    AddressList list;
    if (settings[name].empty())
        return list;
    for (const std::string &text : settings[name].as<std::vector<std::string>>()) {
        if (const std::optional<std::string> wrong = list.add(text))
            throw ConfigError(name + ": no address and no CIDR range (one without bits beyond its prefix): " + *wrong);
    }
    if (list.empty())
        throw ConfigError(name + ": names no address");
    return list;
}

Rate rate_of(const po::variables_map &settings, const std::string &name) {
    constexpr double most = 1e6;
    const auto number = [&](const std::string &setting, double least) {
        const auto value = settings[setting].as<double>();
        if (value != 0 && !(value >= least && value <= most)) // also not a number
            throw ConfigError(setting + ": must be 0, or from " + (least < 1 ? "0.1" : "1") + " to 1000000");
        return value;
    };
    Rate rate{.per_second = number(name, 0.1), .burst = number(name + "-burst", 1)};
    if (rate.burst == 0)
        rate.burst = std::max(rate.per_second, 1.0);
    return rate;
}

void set_access(const po::variables_map &settings, Config &config) {
    config.trusted_proxies = addresses_of(settings, "trusted-proxy");
    config.allow_meta = addresses_of(settings, "allow-meta");
    config.allow_twilio = addresses_of(settings, "allow-twilio");
    config.allow_aisensy = addresses_of(settings, "allow-aisensy");
    config.allow_webhook = addresses_of(settings, "allow-webhook");
    config.rate_limit = rate_of(settings, "rate-limit");
    config.rate_limit_per_address = rate_of(settings, "rate-limit-per-address");
}

void set_tls(const po::variables_map &settings, Config &config) {
    config.tls_certificate_file = value_of(settings, "tls-cert");
    config.tls_key_file = value_of(settings, "tls-key");
    if (config.tls_certificate_file.empty() != config.tls_key_file.empty())
        throw ConfigError(config.tls_key_file.empty() ? "tls-key: must be set where tls-cert is"
                                                      : "tls-cert: must be set where tls-key is");
    if (config.tls_certificate_file.empty())
        return;
    try {
        TlsContext(config.tls_certificate_file, config.tls_key_file);
    } catch (const std::runtime_error &error) {
        throw ConfigError(error.what());
    }
}

// check_database does refuse what libpq cannot parse. libpq's message may quote parts of the string, a password among
// them, so only its harmless kinds are passed on.
void check_database(const std::string &database) {
    const bool is_conninfo = database.find('=') != std::string::npos || database.starts_with("postgresql://") ||
                             database.starts_with("postgres://");
    if (!is_conninfo)
        return; // the name of a database, or nothing
    char *message = nullptr;
    PQconninfoOption *parsed = PQconninfoParse(database.c_str(), &message);
    if (parsed != nullptr) {
        PQconninfoFree(parsed);
        return;
    }
    std::string reason = message != nullptr ? message : "out of memory";
    PQfreemem(message);
    if (!reason.starts_with("invalid connection option") && !reason.starts_with("invalid URI query parameter"))
        reason = reason.substr(0, reason.find('"'));
    while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' '))
        reason.pop_back();
    throw ConfigError("database: no valid libpq connection string or URI: " + reason);
}

std::string public_url_of(const po::variables_map &settings) {
    std::string url = value_of(settings, "public-url");
    if (url.empty())
        return url;
    const std::size_t host = url.starts_with("https://") ? 8 : (url.starts_with("http://") ? 7 : std::string::npos);
    if (host == std::string::npos || host == url.size() || url[host] == '/' ||
        url.find_first_of("?# \t") != std::string::npos)
        throw ConfigError("public-url: must be http:// or https://, a host, and at most a path");
    while (url.ends_with('/'))
        url.pop_back();
    return url;
}

LogLevel log_level_of(const po::variables_map &settings) {
    const std::string name = value_of(settings, "log-level");
    if (name == "debug")
        return LogLevel::debug;
    if (name == "info")
        return LogLevel::info;
    if (name == "warning" || name == "warn")
        return LogLevel::warning;
    if (name == "error")
        return LogLevel::error;
    throw ConfigError("log-level: must be debug, info, warning or error");
}

LogFormat log_format_of(const po::variables_map &settings) {
    const std::string name = value_of(settings, "log-format");
    if (name == "logfmt")
        return LogFormat::logfmt;
    if (name == "json")
        return LogFormat::json;
    throw ConfigError("log-format: must be logfmt or json");
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
    const bool some_routes_closed =
        !config.allow_meta.empty() || !config.allow_twilio.empty() || !config.allow_aisensy.empty();
    if (some_routes_closed && config.allow_webhook.empty())
        config.warnings.emplace_back(
            "allow-webhook: not set, so /webhook takes webhooks of every provider from everyone");
    if (has_twilio && config.public_url.empty())
        config.warnings.emplace_back(
            "public-url: not set; Twilio's signatures are checked against the Host header of each request");
}

// Returns whether flags, environment and file leave every setting at its default.
bool is_all_default(const po::variables_map &settings, const po::options_description &options) {
    return std::all_of(options.options().begin(), options.options().end(), [&](const auto &option) {
        const po::variable_value &value = settings[option->long_name()];
        return value.empty() || value.defaulted();
    });
}

// take_command does return what the first argument asks for, and skips it if it does.
Command take_command(int &argc, const char *const *&argv) {
    if (argc < 2 || argv[1][0] == '-')
        return Command::serve;
    const std::string_view word = argv[1];
    --argc;
    ++argv;
    if (word == "inspect")
        return Command::inspect;
    if (word == "drain")
        return Command::drain;
    if (word == "salvage")
        return Command::salvage;
    if (word == "sign")
        return Command::sign;
    throw ConfigError("there is no command " + std::string(word) + "; see --help");
}

void refuse_flags_of_others(const po::variables_map &settings, Command command) {
    const auto refuse = [&](const char *flag, const char *owner) {
        if (!settings[flag].defaulted())
            throw ConfigError(std::string(flag) + ": is for the command " + owner + " alone");
    };
    if (command != Command::inspect) {
        refuse("list", "inspect");
        refuse("content", "inspect");
    }
    if (command != Command::salvage)
        refuse("from", "salvage");
    if (command != Command::sign)
        refuse("url", "sign");
}

// set_command does set what the commands on the spool need. They use neither secrets nor listeners.
void set_command(const po::variables_map &settings, Config &config) {
    if (config.spool_dir.empty())
        throw ConfigError("spool-dir: must be set");
    config.salvage_from = value_of(settings, "from");
    if (config.command == Command::salvage && config.salvage_from.empty())
        throw ConfigError("from: must name the damaged file");
    config.inspect_list = settings["list"].as<std::size_t>();
    config.inspect_content = settings["content"].as<bool>();
    config.log_level = log_level_of(settings);
    config.log_format = log_format_of(settings);
    config.check_only = settings["check-config"].as<bool>();
}

void set_sign(const po::variables_map &settings, Config &config) {
    config.sign_provider = value_of(settings, "provider");
    if (config.sign_provider != "meta" && config.sign_provider != "twilio" && config.sign_provider != "aisensy")
        throw ConfigError("sign: the provider must be meta, twilio or aisensy");
    config.sign_url = value_of(settings, "url");
    if (config.sign_url.empty() && !config.public_url.empty())
        config.sign_url = config.public_url + "/webhooks/twilio/status";
    config.sign_file = value_of(settings, "file");
    config.check_only = settings["check-config"].as<bool>();
}

} // namespace

LoadedConfig load_config(int argc, const char *const argv[]) {
    const Command command = take_command(argc, argv);
    const po::options_description options = config_options();
    const po::options_description commands = command_options();
    po::options_description flags;
    flags.add(commands).add(options);

    Config config;
    config.command = command;
    po::variables_map settings;
    po::positional_options_description positions;
    if (command == Command::sign) {
        po::options_description arguments;
        arguments.add_options()("provider", po::value<std::string>())("file",
                                                                      po::value<std::string>()->default_value("-"));
        flags.add(arguments);
        positions.add("provider", 1).add("file", 1);
    }
    store_flags(argc, argv, flags, positions, settings);
    if (settings["help"].as<bool>())
        return {std::move(config), PrintAndExit{help_text()}};
    if (settings["version"].as<bool>())
        return {std::move(config), PrintAndExit{"msgstatus-receiver " MSGSTATUS_VERSION "\n"}};
    refuse_flags_of_others(settings, command);
    store_environment(options, settings, config.warnings);
    std::string path = value_of(settings, "config");
    if (const char *value = std::getenv("MSGSTATUS_CONFIG"); path.empty() && value != nullptr)
        path = value;
    if (!path.empty())
        store_file(path, options, settings);

    constexpr std::size_t gigabyte = std::size_t{1} << 30;
    config.listen = endpoint_of(settings, "listen");
    if (value_of(settings, "admin-listen") != "off")
        config.admin_listen = endpoint_of(settings, "admin-listen");
    config.public_url = public_url_of(settings);
    set_tls(settings, config);
    config.database = value_of(settings, "database");
    check_database(config.database);
    config.lanes = count_of(settings, "lanes", 1, 64);
    config.batch_max = count_of(settings, "batch-max", 1, 100000);
    config.batch_max_bytes = count_of(settings, "batch-max-bytes", 1, gigabyte / 2);
    config.queue_max = count_of(settings, "queue-max", 1, 10000000);
    config.body_limit = count_of(settings, "body-limit", 1, gigabyte / 8);
    config.buffer_max_bytes = count_of(settings, "buffer-max-bytes", config.body_limit, 64 * gigabyte);
    config.statement_timeout = duration_of(settings, "statement-timeout");
    config.lock_timeout = duration_of(settings, "lock-timeout");
    config.spool_dir = value_of(settings, "spool-dir");
    config.spool_max_bytes = count_of(settings, "spool-max-bytes", std::size_t{1} << 20, 1024 * gigabyte);
    config.spool_after = duration_of(settings, "spool-after");
    if (command != Command::serve && command != Command::sign) {
        set_command(settings, config);
        return {std::move(config), std::nullopt};
    }
    for (const SecretName &secret : secret_names)
        config.secrets.*secret.list = secrets_of(settings, secret.name, config);
    if (command == Command::sign) {
        set_sign(settings, config);
        return {std::move(config), std::nullopt};
    }
    const bool has_secrets =
        std::any_of(std::begin(secret_names), std::end(secret_names),
                    [&](const SecretName &secret) { return !(config.secrets.*secret.list).empty(); });
    if (path.empty() && !has_secrets && is_all_default(settings, options))
        config.warnings.emplace_back(
            "nothing is configured: no flag, no variable MSGSTATUS_..., no --config; see --help");
    config.allow_unsigned = settings["allow-unsigned"].as<bool>();
    set_access(settings, config);
    config.max_connections = count_of(settings, "max-connections", 1, 100000);
    config.max_connections_per_address = count_of(settings, "max-connections-per-address", 0, 100000);
    config.tls_handshake_timeout = duration_of(settings, "tls-handshake-timeout");
    config.header_timeout = duration_of(settings, "header-timeout");
    config.body_timeout = duration_of(settings, "body-timeout");
    config.request_timeout = duration_of(settings, "request-timeout");
    config.idle_timeout = duration_of(settings, "idle-timeout");
    config.drain_timeout = duration_of(settings, "drain-timeout");
    config.log_level = log_level_of(settings);
    config.log_format = log_format_of(settings);
    config.check_only = settings["check-config"].as<bool>();
    add_warnings(config);
    return {std::move(config), std::nullopt};
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
