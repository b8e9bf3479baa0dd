// The table of settings, and what is made of it.

#include <algorithm>
#include <charconv>
#include <sstream>

#include "config/config.hpp"

namespace msgstatus::receiver {
namespace {

[[noreturn]] void refuse(const Setting &setting, const std::string &problem) {
    throw ConfigError(std::string(setting.name) + ": " + problem);
}

template <class Number>
Number number_of(const Setting &setting, const std::string &text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    std::ostringstream bounds;
    bounds.precision(15);
    bounds << "must be from " << setting.least << " to " << setting.most;
    if (!is_number || !(static_cast<double>(value) >= setting.least && static_cast<double>(value) <= setting.most))
        refuse(setting, bounds.str()); // also where it is not a number (NaN)
    return value;
}

template <std::string Config::*member>
void text(Config &config, const Setting &, const std::string &text) {
    config.*member = text;
}

template <std::size_t Config::*member>
void count(Config &config, const Setting &setting, const std::string &text) {
    config.*member = number_of<std::size_t>(setting, text);
}

template <std::chrono::milliseconds Config::*member>
void seconds(Config &config, const Setting &setting, const std::string &text) {
    config.*member = std::chrono::milliseconds(static_cast<std::int64_t>(number_of<double>(setting, text) * 1000));
}

template <Rate Config::*member, double Rate::*part>
void rate(Config &config, const Setting &setting, const std::string &text) {
    config.*member.*part = text == "0" ? 0 : number_of<double>(setting, text);
}

template <bool Config::*member>
void flag(Config &config, const Setting &setting, const std::string &text) {
    const auto is_one_of = [&](std::initializer_list<const char *> words) {
        return std::find(words.begin(), words.end(), text) != words.end();
    };
    if (!is_one_of({"true", "1", "yes", "on", "false", "0", "no", "off"}))
        refuse(setting, "must be true or false");
    config.*member = is_one_of({"true", "1", "yes", "on"});
}

template <AddressList Config::*member>
void addresses(Config &config, const Setting &setting, const std::string &text) {
    if (const std::optional<std::string> wrong = (config.*member).add(text))
        refuse(setting, "no address and no CIDR range (one without bits beyond its prefix): " + *wrong);
    if ((config.*member).empty())
        refuse(setting, "names no address");
}

Endpoint endpoint_of(const Setting &setting, const std::string &text) {
    const std::optional<Endpoint> endpoint = parse_endpoint(text);
    if (!endpoint)
        refuse(setting, "must be HOST:PORT, e.g. 127.0.0.1:8080 or [::1]:8080");
    return *endpoint;
}

void listen(Config &config, const Setting &setting, const std::string &text) {
    config.listen = endpoint_of(setting, text);
}

void admin_listen(Config &config, const Setting &setting, const std::string &text) {
    config.admin_listen = text == "off" ? std::nullopt : std::optional(endpoint_of(setting, text));
}

void public_url(Config &config, const Setting &setting, const std::string &text) {
    const std::size_t host = text.starts_with("https://") ? 8 : (text.starts_with("http://") ? 7 : std::string::npos);
    if (host == std::string::npos || host == text.size() || text[host] == '/' ||
        text.find_first_of("?# \t") != std::string::npos)
        refuse(setting, "must be http:// or https://, a host, and at most a path");
    config.public_url = text.substr(0, text.find_last_not_of('/') + 1);
}

void secret_file(Config &config, const Setting &setting, const std::string &text) {
    const std::string_view name = setting.name;
    config.secret_files[std::string(name.substr(0, name.size() - 5))] = text; // without "-file"
}

void log_level(Config &config, const Setting &setting, const std::string &text) {
    constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
    const auto *found = std::find(std::begin(names), std::end(names), text == "warn" ? "warning" : text);
    if (found == std::end(names))
        refuse(setting, "must be debug, info, warning or error");
    config.log_level = static_cast<LogLevel>(found - std::begin(names));
}

void log_format(Config &config, const Setting &setting, const std::string &text) {
    if (text != "logfmt" && text != "json")
        refuse(setting, "must be logfmt or json");
    config.log_format = text == "json" ? LogFormat::json : LogFormat::logfmt;
}

constexpr double gib = 1 << 30;
constexpr const char *network = "Network";
constexpr const char *access_group =
    "Access (CIDR ranges such as 192.0.2.0/24 or 2001:db8::/32, separated by commas; may be repeated)";
constexpr const char *database = "Database";
constexpr const char *spool = "Spool";
constexpr const char *secrets = "Secrets (each also as environment variable without _FILE; one a line, all are valid; "
                                "files are read again on SIGHUP)";
constexpr const char *log_group = "Log (to standard error)";

// clang-format off
const Setting table[] = {
    {network, "listen", "HOST:PORT", "127.0.0.1:8080", "where webhooks come in; port 0 takes a free one and logs it", listen},
    {network, "admin-listen", "HOST:PORT", "127.0.0.1:9090", "where /healthz, /readyz and /metrics are; `off` for nowhere", admin_listen},
    {network, "reuse-port", nullptr, "", "let several receivers listen on one port, each with a spool and an admin listener of its own; the system spreads the connections", flag<&Config::reuse_port>},
    {network, "public-url", "URL", "", "what stands before the path in the address that Twilio knows, e.g. https://hooks.example.org; its signatures cover it. Without it, the Host header is believed", public_url},
    {network, "tls-cert", "FILE", "", "certificate in PEM, with those between it and the root: webhooks come in by HTTPS. Read again on SIGHUP", text<&Config::tls_certificate_file>},
    {network, "tls-key", "FILE", "", "its key in PEM, without a passphrase", text<&Config::tls_key_file>},
    {network, "body-limit", "BYTES", "4194304", "largest body (Meta sends up to 3 MB); larger ones get 413", count<&Config::body_limit>, 1, gib / 8},
    {network, "max-connections", "N", "1024", "open connections. Beyond it the one that has waited longest without a request is closed; where none does, more wait in the backlog of the system", count<&Config::max_connections>, 1, 100000},
    {network, "max-connections-per-address", "N", "0", "of these, from one address (in IPv6: from addresses with the same first 64 bits); more are closed. 0: no limit", count<&Config::max_connections_per_address>, 0, 100000},
    {network, "tls-handshake-timeout", "SECONDS", "10", "for a TLS handshake", seconds<&Config::tls_handshake_timeout>, 0.1, 86400},
    {network, "header-timeout", "SECONDS", "10", "for the header of a request to arrive, else 408", seconds<&Config::header_timeout>, 0.1, 86400},
    {network, "body-timeout", "SECONDS", "30", "for the body of a request to arrive, else 408; also for a client to take its answer", seconds<&Config::body_timeout>, 0.1, 86400},
    {network, "idle-timeout", "SECONDS", "75", "how long a connection may stay open without a request", seconds<&Config::idle_timeout>, 0.1, 86400},
    {network, "request-timeout", "SECONDS", "30", "for the answer to a request that has arrived, else 503", seconds<&Config::request_timeout>, 0.1, 86400},
    {network, "drain-timeout", "SECONDS", "25", "after SIGTERM: how long accepted requests may take to be answered", seconds<&Config::drain_timeout>, 0.1, 86400},

    {access_group, "trusted-proxy", "CIDR", "", "proxies whose X-Forwarded-For is believed: the client is the last address there that is no trusted proxy", addresses<&Config::trusted_proxies>, 0, 0, true},
    {access_group, "allow-meta", "CIDR", "", "who may call /webhooks/meta, else 403; without it everyone", addresses<&Config::allow_meta>, 0, 0, true},
    {access_group, "allow-twilio", "CIDR", "", "who may call /webhooks/twilio/status", addresses<&Config::allow_twilio>, 0, 0, true},
    {access_group, "allow-aisensy", "CIDR", "", "who may call /webhooks/aisensy", addresses<&Config::allow_aisensy>, 0, 0, true},
    {access_group, "allow-webhook", "CIDR", "", "who may call /webhook", addresses<&Config::allow_webhook>, 0, 0, true},
    {access_group, "rate-limit", "N", "0", "most requests a second, of all clients together; beyond it 429. 0: no limit", rate<&Config::rate_limit, &Rate::per_second>, 0.1, 1e6},
    {access_group, "rate-limit-burst", "N", "0", "how many of them may come at once; 0: as many as in a second", rate<&Config::rate_limit, &Rate::burst>, 1, 1e6},
    {access_group, "rate-limit-per-address", "N", "0", "most requests a second of one address (in IPv6: of addresses with the same first 64 bits); 0: no limit", rate<&Config::rate_limit_per_address, &Rate::per_second>, 0.1, 1e6},
    {access_group, "rate-limit-per-address-burst", "N", "0", "how many of them may come at once; 0: as many as in a second", rate<&Config::rate_limit_per_address, &Rate::burst>, 1, 1e6},

    {database, "database", "CONNINFO", "", "libpq connection string or URI, several hosts and target_session_attrs included; what it leaves open comes from PGHOST, PGSERVICE, ... A password is better kept in ~/.pgpass (PGPASSFILE)", text<&Config::database>},
    {database, "lanes", "N", "2", "connections to the database; while the call of one is in flight, arriving bodies collect for the next call", count<&Config::lanes>, 1, 64},
    {database, "batch-max", "N", "500", "most bodies in one call", count<&Config::batch_max>, 1, 100000},
    {database, "batch-max-bytes", "BYTES", "8388608", "most bytes in one call, a single larger body aside", count<&Config::batch_max_bytes>, 1, gib / 2},
    {database, "queue-max", "N", "10000", "most bodies that wait for a call; beyond it webhooks go to the spool, or get 503", count<&Config::queue_max>, 1, 1e7},
    {database, "buffer-max-bytes", "BYTES", "134217728", "most memory for bodies, arriving, waiting and in flight; beyond it webhooks get 503. A quarter is kept for bodies up to 64 kB", count<&Config::buffer_max_bytes>, 1, 64 * gib},
    {database, "statement-timeout", "SECONDS", "10", "for one call", seconds<&Config::statement_timeout>, 0.1, 86400},
    {database, "lock-timeout", "SECONDS", "2", "for a lock that someone else holds on a message", seconds<&Config::lock_timeout>, 0.1, 86400},

    {spool, "spool-dir", "DIR", "", "where webhooks that the database cannot take wait on disk, answered 200, until it can; on a local file system, for one receiver alone. Without it they get 503", text<&Config::spool_dir>},
    {spool, "spool-max-bytes", "BYTES", "1073741824", "most bytes on disk; beyond it webhooks get 503", count<&Config::spool_max_bytes>, 1 << 20, 1024 * gib},
    {spool, "spool-after", "SECONDS", "3", "how long a webhook waits for the database before it goes to the spool", seconds<&Config::spool_after>, 0.1, 86400},

    {secrets, "meta-app-secret-file", "FILE", "", "app secret, keys X-Hub-Signature-256", secret_file},
    {secrets, "meta-verify-token-file", "FILE", "", "verify token of Meta's handshake", secret_file},
    {secrets, "twilio-auth-token-file", "FILE", "", "auth token, keys X-Twilio-Signature", secret_file},
    {secrets, "twilio-signing-keys-file", "FILE", "", "signing keys, NAME=SECRET each: of X-Twilio-Webhooks-Signature-Settings", secret_file},
    {secrets, "aisensy-secret-file", "FILE", "", "shared secret, keys X-AiSensy-Signature", secret_file},
    {secrets, "allow-unsigned", nullptr, "", "accept webhooks of providers whose secret is not set (else 401): for tests, or where something in front checks", flag<&Config::allow_unsigned>},

    {log_group, "log-level", "LEVEL", "info", "debug, info, warning or error", log_level},
    {log_group, "log-format", "FORMAT", "logfmt", "logfmt or json", log_format},

    {command_group.data(), "config", "FILE", "", "read settings from a file: lines of `name = value`", text<&Config::file>},
    {command_group.data(), "check-config", nullptr, "", "check the settings and exit: 0 if they are right, 2 if not", flag<&Config::check_only>},
    {command_group.data(), "url", "URL", "", "for sign: the URL that Twilio calls; without it public-url with /webhooks/twilio/status", text<&Config::sign_url>},
    {command_group.data(), "help", nullptr, "", "print this", flag<&Config::show_help>},
    {command_group.data(), "settings", nullptr, "", "print the settings as a table in Markdown", flag<&Config::show_settings>},
    {command_group.data(), "version", nullptr, "", "print the version", flag<&Config::show_version>},
};
// clang-format on

void wrap(std::ostream &out, const std::string &text) {
    constexpr std::size_t width = 90;
    std::istringstream words(text);
    std::string word, line;
    while (words >> word) {
        if (!line.empty() && line.size() + word.size() + 1 > width) {
            out << "        " << line << '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
    }
    out << "        " << line << '\n';
}

} // namespace

std::span<const Setting> settings() {
    return table;
}

std::string environment_name(std::string_view setting) {
    std::string name = "MSGSTATUS_";
    for (const char c : setting)
        name.push_back(c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c));
    return name;
}

std::string help_text() {
    std::ostringstream out;
    out << R"(msgstatus-receiver takes delivery-status webhooks of WhatsApp and SMS providers over HTTP, checks who sent
them and hands them to the function msgstatus.apply_message_status_batch of a PostgreSQL database.
It answers 200 when they are committed.

Usage: msgstatus-receiver [option]...          take webhooks
       msgstatus-receiver drain [option]...    bring what waits in the spool to the database, and end;
                                               refused while a receiver uses the spool
       msgstatus-receiver sign PROVIDER [option]... [FILE|-]
                                               print the headers that make the body in FILE, or on standard
                                               input, a webhook of meta, twilio or aisensy, signed with the
                                               secret of the settings: for curl -H @-, see
                                               docs/try-a-webhook.md

Every option but those of `Command` may also be set in the environment (--admin-listen as
MSGSTATUS_ADMIN_LISTEN) or in the file of --config (admin-listen = ...). Flags win, then the environment, then
the file.
)";
    const char *group = "";
    for (const Setting &setting : settings()) {
        if (setting.group != group)
            out << '\n' << (group = setting.group) << ":\n";
        out << "  --" << setting.name;
        if (setting.value != nullptr)
            out << ' ' << setting.value;
        if (*setting.standard != '\0')
            out << " (=" << setting.standard << ')';
        out << '\n';
        wrap(out, setting.help);
    }
    out << R"(
On SIGHUP, certificate, key and secrets are read again from their files; if that fails, nothing changes.
Exit status: 0 after SIGTERM or SIGINT, when every accepted request is answered; 1 on a failure; 2 on a bad
setting. Of drain: 0 if the spool is empty, 1 if not.
)";
    return out.str();
}

std::string settings_table() {
    std::ostringstream out;
    out << "| setting | default | |\n|---|---|---|\n";
    for (const Setting &setting : settings()) {
        if (setting.group == command_group)
            break;
        const std::string standard = *setting.standard == '\0' ? "" : "`" + std::string(setting.standard) + "` ";
        out << "| `" << setting.name << "` | " << standard << "| " << setting.help << " |\n";
    }
    return out.str();
}

} // namespace msgstatus::receiver
