#include "console/settings.hpp"

namespace msgstatus::receiver {
namespace {

using C = ConsoleConfig;
using H = HttpLimits;

constexpr const char *network = "Network";
constexpr const char *people = "People";
constexpr const char *database = "Database";
constexpr const char *log_group = "Log (to standard error)";

void set_listen(ProgramConfig &config, const Setting &setting, const std::string &text) {
    auto &console = static_cast<ConsoleConfig &>(config);
    if (text.starts_with("unix:/"))
        console.listen_path = text.substr(5);
    else
        assign(console.listen, setting, text);
}

void set_user_header(ProgramConfig &config, const Setting &setting, const std::string &text) {
    if (text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
        refuse(setting, "must be the name of a header, e.g. X-Remote-User");
    static_cast<ConsoleConfig &>(config).user_header = text;
}

// clang-format off
constexpr Setting table[] = {
    {network, "listen", "HOST:PORT", "127.0.0.1:8081", "address of the page and its API; port 0 picks a free port and logs it. `unix:/PATH` for a Unix socket, whose clients count as a trusted proxy", set_listen},
    {network, "admin-listen", "HOST:PORT", "127.0.0.1:9091", "address for /healthz and /metrics; `off` disables it", set<&C::admin_listen>},
    {network, "public-url", "URL", "", "the address that people see, e.g. https://log.example.org; requests for other hosts are refused. Without it, IP addresses and localhost are served", set_url<&C::public_url>},
    {network, "tls-cert", "FILE", "", "certificate chain in PEM; the page is then served by HTTPS. Read again on SIGHUP", set<&C::tls_certificate_file>},
    {network, "tls-key", "FILE", "", "private key in PEM, without a passphrase", set<&C::tls_key_file>},
    {network, "body-limit", "BYTES", "262144", "largest body; larger ones get 413", set<&C::http, &H::body_limit>, 1024, 1 << 26},
    {network, "max-connections", "N", "512", "open connections; at the limit, the one that has waited longest for a request is closed for a new one", set<&C::http, &H::max_connections>, 1, 100000},
    {network, "max-connections-per-address", "N", "0", "of these, from one address (IPv6: from one /64 network); further ones are closed. 0: no limit", set<&C::http, &H::max_connections_per_address>, 0, 100000},
    {network, "tls-handshake-timeout", "SECONDS", "10", "for the TLS handshake", set<&C::http, &H::tls_handshake_timeout>, 0.1, 86400},
    {network, "header-timeout", "SECONDS", "10", "for the header of a request to arrive, else 408", set<&C::http, &H::header_timeout>, 0.1, 86400},
    {network, "body-timeout", "SECONDS", "30", "for the body of a request to arrive, else 408, and for the client to take an answer, or a piece of one", set<&C::http, &H::body_timeout>, 0.1, 86400},
    {network, "idle-timeout", "SECONDS", "75", "for a connection without a request, which is then closed", set<&C::http, &H::idle_timeout>, 0.1, 86400},
    {network, "request-timeout", "SECONDS", "30", "for the answer to a complete request, else 503", set<&C::http, &H::request_timeout>, 0.1, 86400},
    {network, "drain-timeout", "SECONDS", "25", "after SIGTERM, for requests to be answered", set<&C::drain_timeout>, 0.1, 86400},

    {people, "trusted-proxy", "CIDR", "", "proxies whose X-Forwarded-For and --user-header are believed; may be repeated", set<&C::http, &H::trusted_proxies>, 0, 0, true},
    {people, "user-header", "NAME", "", "header with which a trusted proxy says who is signed in, e.g. X-Remote-User: the name of a PostgreSQL role. The proxy has to take it away from what clients send", set_user_header},
    {people, "session-idle", "SECONDS", "1800", "after which a person who does nothing is signed out; a page that looks for news by itself does nothing", set<&C::session_idle>, 0.1, 1e6},
    {people, "session-length", "SECONDS", "43200", "after which a person has to sign in again in any case", set<&C::session_length>, 0.1, 1e7},
    {people, "max-sessions", "N", "40", "people signed in at the same time; each has two connections to the database", set<&C::max_sessions>, 1, 10000},
    {people, "sessions-per-role", "N", "5", "of these, for one role; one more ends that of the role that was not used for the longest. Raise it where several people share a role", set<&C::sessions_per_role>, 1, 10000},

    {database, "database", "CONNINFO", "", "libpq connection string or URI, without a person's name and password. Where a proxy signs people in, the console's own role is in it; keep that one's password in ~/.pgpass (PGPASSFILE)", set<&C::database>},
    {database, "statement-timeout", "SECONDS", "10", "for one statement; the rows of a CSV may take longer", set<&C::statement_timeout>, 0.1, 86400},

    {log_group, "log-level", "LEVEL", "info", "debug, info, warning or error", set<&C::log_level>},
    {log_group, "log-format", "FORMAT", "logfmt", "logfmt or json", set<&C::log_format>},

    {command_group.data(), "config", "FILE", "", "read settings from a file: lines of `name = value`", nullptr},
    {command_group.data(), "check-config", nullptr, "", "check the settings and exit: 0 if they are right, 2 if not", set<&C::check_only>},
    {command_group.data(), "help", nullptr, "", "print this", nullptr},
    {command_group.data(), "settings", nullptr, "", "print the settings as a table in Markdown", nullptr},
    {command_group.data(), "version", nullptr, "", "print the version", nullptr},
};
// clang-format on

constexpr const char *introduction =
    R"(msgstatus-console serves the web log: a page, and its JSON API, on which people see what became of every message
and have statuses fetched anew. They sign in with a PostgreSQL role and its password, or come signed in from a trusted
proxy; what they may see and do is what PostgreSQL lets them.

Usage: msgstatus-console [option]...

Every option but those of `Command` may also be set in the environment (--admin-listen as
MSGSTATUS_CONSOLE_ADMIN_LISTEN) or in the file of --config (admin-listen = ...). Flags win, then the environment,
then the file.
)";

constexpr const char *last_words = R"(
On SIGHUP, certificate and key are read again from their files; if that fails, nothing changes.
Exit status: 0 after SIGTERM or SIGINT; 1 on a failure; 2 on a bad setting.
)";

constexpr Program program{"msgstatus-console", "MSGSTATUS_CONSOLE_", table, introduction, last_words};

// Warns of what can be meant, and mostly is not.
void warn_about_proxies(ConsoleConfig &config) {
    const auto is_loopback = [](const std::string &host) {
        boost::system::error_code ec;
        const auto address = boost::asio::ip::make_address(host, ec);
        return host == "localhost" || (!ec && address.is_loopback());
    };
    const AddressList &proxies = config.http.trusted_proxies;
    const bool is_behind_proxy = config.public_url.starts_with("https://") && config.tls_certificate_file.empty();
    if (is_behind_proxy && proxies.empty() && is_loopback(config.listen.host))
        config.warnings.emplace_back(
            "trusted-proxy: is not set, though public-url says that a proxy is in front; all people then have the "
            "proxy's address, and wrong passwords of one slow down the others");
    const bool trusts_machine = proxies.contains(Address(boost::asio::ip::address_v4::loopback())) ||
                                proxies.contains(Address(boost::asio::ip::address_v6::loopback()));
    if (!config.user_header.empty() && trusts_machine)
        config.warnings.emplace_back("trusted-proxy: holds the loopback address, so that every process of this machine "
                                     "may be whom it likes by user-header; use a Unix socket (listen = unix:/PATH)");
}

} // namespace

const Program &console_program() {
    return program;
}

ConsoleConfig load_console_config(int argc, const char *const argv[]) {
    ConsoleConfig config;
    load_settings(program, argc, argv, config);
    if (!config.show.empty())
        return config;
    check_database(config.database);
    check_tls(config.tls_certificate_file, config.tls_key_file);
    if (config.public_url.find('/', config.public_url.find("//") + 2) != std::string::npos)
        throw ConfigError("public-url: must have no path");
    // Who could reach it would be whom they say they are.
    if (!config.user_header.empty() && config.http.trusted_proxies.empty() && config.listen_path.empty())
        throw ConfigError("user-header: needs --trusted-proxy, or --listen with a Unix socket");
    if (!config.user_header.empty() && config.http.trusted_proxies.has_everyone())
        throw ConfigError("trusted-proxy: with --user-header, it must not name everyone");
    if (!config.listen_path.empty() && !config.tls_certificate_file.empty())
        throw ConfigError("tls-cert: not for a Unix socket");
    if (!config.listen_path.empty())
        config.http.trusted_proxies.add("::"); // the address of those who come by the socket
    warn_about_proxies(config);
    return config;
}

} // namespace msgstatus::receiver
