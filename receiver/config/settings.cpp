// The receiver's table of settings.

#include "config/config.hpp"

namespace msgstatus::receiver {
namespace {

constexpr double gib = 1 << 30;
constexpr const char *network = "Network";
constexpr const char *access_group =
    "Access (CIDR ranges such as 192.0.2.0/24 or 2001:db8::/32, separated by commas; may be repeated)";
constexpr const char *database = "Database";
constexpr const char *spool = "Spool";
constexpr const char *secrets = "Secrets (each also as environment variable without _FILE; one a line, all are valid; "
                                "files are read again on SIGHUP)";
constexpr const char *log_group = "Log (to standard error)";

template <std::vector<std::string> Secrets::*list>
std::vector<std::string> &secrets_of(ProgramConfig &config) {
    return static_cast<Config &>(config).secrets.*list;
}

template <std::vector<std::string> Secrets::*list>
constexpr Setting secret(const char *name, const char *help, bool is_named = false) {
    return {secrets, name, "FILE", "", help, set_secret_file, 0, 0, false, secrets_of<list>, is_named};
}

// clang-format off
const Setting table[] = {
    {network, "listen", "HOST:PORT", "127.0.0.1:8080", "address for webhooks; port 0 picks a free port and logs it", set<&Config::listen>},
    {network, "admin-listen", "HOST:PORT", "127.0.0.1:9090", "address for /healthz, /readyz and /metrics; `off` disables it", set<&Config::admin_listen>},
    {network, "reuse-port", nullptr, "", "let several receivers listen on the same port, each with its own spool and admin listener; the kernel spreads the connections", set<&Config::reuse_port>},
    {network, "public-url", "URL", "", "the part before the path of the URL configured at Twilio, e.g. https://hooks.example.org; Twilio's signatures cover it. Without it, the Host header is used", set_url<&Config::public_url>},
    {network, "tls-cert", "FILE", "", "certificate chain in PEM; webhooks then come in by HTTPS. Read again on SIGHUP", set<&Config::tls_certificate_file>},
    {network, "tls-key", "FILE", "", "private key in PEM, without a passphrase", set<&Config::tls_key_file>},
    {network, "body-limit", "BYTES", "4194304", "largest body (Meta sends up to 3 MB); larger ones get 413", set<&Config::http, &HttpLimits::body_limit>, 1, gib / 8},
    {network, "max-connections", "N", "1024", "open connections. At the limit, the connection that has waited longest for a request is closed for a new one; if all are being served, new ones wait in the backlog", set<&Config::http, &HttpLimits::max_connections>, 1, 100000},
    {network, "max-connections-per-address", "N", "0", "of these, from one address (IPv6: from one /64 network); further ones are closed. 0: no limit", set<&Config::http, &HttpLimits::max_connections_per_address>, 0, 100000},
    {network, "tls-handshake-timeout", "SECONDS", "10", "for the TLS handshake", set<&Config::http, &HttpLimits::tls_handshake_timeout>, 0.1, 86400},
    {network, "header-timeout", "SECONDS", "10", "for the header of a request to arrive, else 408", set<&Config::http, &HttpLimits::header_timeout>, 0.1, 86400},
    {network, "body-timeout", "SECONDS", "30", "for the body of a request to arrive, else 408, and for the client to read the answer", set<&Config::http, &HttpLimits::body_timeout>, 0.1, 86400},
    {network, "idle-timeout", "SECONDS", "75", "for a connection without a request, which is then closed", set<&Config::http, &HttpLimits::idle_timeout>, 0.1, 86400},
    {network, "request-timeout", "SECONDS", "30", "for the answer to a complete request, else 503", set<&Config::http, &HttpLimits::request_timeout>, 0.1, 86400},
    {network, "drain-timeout", "SECONDS", "25", "after SIGTERM, for accepted requests to be answered", set<&Config::drain_timeout>, 0.1, 86400},

    {access_group, "trusted-proxy", "CIDR", "", "proxies whose X-Forwarded-For is trusted; the client is the last address in it that is not a trusted proxy", set<&Config::http, &HttpLimits::trusted_proxies>, 0, 0, true},
    {access_group, "allow-meta", "CIDR", "", "addresses that may call /webhooks/meta; others get 403. Without it, all may", set<&Config::allow_meta>, 0, 0, true},
    {access_group, "allow-twilio", "CIDR", "", "addresses that may call /webhooks/twilio/status", set<&Config::allow_twilio>, 0, 0, true},
    {access_group, "allow-aisensy", "CIDR", "", "addresses that may call /webhooks/aisensy", set<&Config::allow_aisensy>, 0, 0, true},
    {access_group, "allow-webhook", "CIDR", "", "addresses that may call /webhook", set<&Config::allow_webhook>, 0, 0, true},
    {access_group, "rate-limit", "N", "0", "requests a second from all addresses together; further ones get 429. 0: no limit", set<&Config::rate_limit, &Rate::per_second>, 0.1, 1e6},
    {access_group, "rate-limit-burst", "N", "0", "requests at once from all addresses together; 0: as many as in one second", set<&Config::rate_limit, &Rate::burst>, 1, 1e6},
    {access_group, "rate-limit-per-address", "N", "0", "requests a second from one address (IPv6: from one /64 network); further ones get 429. 0: no limit", set<&Config::rate_limit_per_address, &Rate::per_second>, 0.1, 1e6},
    {access_group, "rate-limit-per-address-burst", "N", "0", "requests at once from one address; 0: as many as in one second", set<&Config::rate_limit_per_address, &Rate::burst>, 1, 1e6},

    {database, "database", "CONNINFO", "", "libpq connection string or URI, also with several hosts and target_session_attrs. Missing parts come from PGHOST, PGSERVICE, ... Keep the password in ~/.pgpass (PGPASSFILE)", set<&Config::database>},
    {database, "lanes", "N", "2", "connections to the database; bodies that arrive during a call are collected for the next one", set<&Config::lanes>, 1, 64},
    {database, "batch-max", "N", "500", "bodies in one call", set<&Config::batch_max>, 1, 100000},
    {database, "batch-max-bytes", "BYTES", "8388608", "bytes in one call; a single body may be larger", set<&Config::batch_max_bytes>, 1, gib / 2},
    {database, "queue-max", "N", "10000", "bodies waiting for a call; further ones go to the spool, or get 503", set<&Config::queue_max>, 1, 1e7},
    {database, "buffer-max-bytes", "BYTES", "134217728", "memory for bodies that arrive, wait or are in flight; beyond it webhooks get 503. A quarter is kept for bodies up to 64 kB", set<&Config::buffer_max_bytes>, 1, 64 * gib},
    {database, "statement-timeout", "SECONDS", "10", "for one call", set<&Config::statement_timeout>, 0.1, 86400},
    {database, "lock-timeout", "SECONDS", "2", "for a lock on a message that another session holds", set<&Config::lock_timeout>, 0.1, 86400},

    {spool, "spool-dir", "DIR", "", "directory on a local file system, for this receiver alone: webhooks that the database cannot take are kept there and answered 200. Without it they get 503", set<&Config::spool_dir>},
    {spool, "spool-max-bytes", "BYTES", "1073741824", "size on disk; beyond it webhooks get 503", set<&Config::spool_max_bytes>, 1 << 20, 1024 * gib},
    {spool, "spool-after", "SECONDS", "3", "how long a webhook waits for the database before it goes to the spool", set<&Config::spool_after>, 0.1, 86400},

    secret<&Secrets::meta_app_secrets>("meta-app-secret-file", "Meta's app secret, the key of X-Hub-Signature-256"),
    secret<&Secrets::meta_verify_tokens>("meta-verify-token-file", "verify token of Meta's handshake"),
    secret<&Secrets::twilio_auth_tokens>("twilio-auth-token-file", "Twilio's auth token, the key of X-Twilio-Signature"),
    secret<&Secrets::twilio_signing_keys>("twilio-signing-keys-file", "Twilio's signing keys, NAME=SECRET each, for X-Twilio-Webhooks-Signature-Settings", true),
    secret<&Secrets::aisensy_secrets>("aisensy-secret-file", "AiSensy's shared secret, the key of X-AiSensy-Signature"),
    {secrets, "allow-unsigned", nullptr, "", "accept webhooks of providers without a secret (otherwise 401); for tests, or behind something that checks them", set<&Config::allow_unsigned>},

    {log_group, "log-level", "LEVEL", "info", "debug, info, warning or error", set<&Config::log_level>},
    {log_group, "log-format", "FORMAT", "logfmt", "logfmt or json", set<&Config::log_format>},

    {command_group.data(), "config", "FILE", "", "read settings from a file: lines of `name = value`", nullptr},
    {command_group.data(), "check-config", nullptr, "", "check the settings and exit: 0 if they are right, 2 if not", set<&Config::check_only>},
    {command_group.data(), "url", "URL", "", "for sign: the URL that the provider calls; without it public-url with /webhooks/twilio/status", set<&Config::sign_url>},
    {command_group.data(), "help", nullptr, "", "print this", nullptr},
    {command_group.data(), "settings", nullptr, "", "print the settings as a table in Markdown", nullptr},
    {command_group.data(), "version", nullptr, "", "print the version", nullptr},
};
// clang-format on

constexpr const char *introduction =
    R"(msgstatus-receiver takes delivery-status webhooks of WhatsApp and SMS providers over HTTP, checks who sent
them and hands them to the function msgstatus.apply_message_status_batch of a PostgreSQL database.
It answers 200 when they are committed.

Usage: msgstatus-receiver [option]...          take webhooks
       msgstatus-receiver drain [option]...    bring what waits in the spool to the database, and end;
                                               refused while a receiver uses the spool
       msgstatus-receiver sign PROVIDER [option]... [FILE|-]
                                               print the headers that make the body in FILE, or on standard
                                               input, a webhook of meta, twilio, aisensy or a section,
                                               signed with the secret of the settings: for curl -H @-,
                                               see docs/try-a-webhook.md

Every option but those of `Command` may also be set in the environment (--admin-listen as
MSGSTATUS_ADMIN_LISTEN) or in the file of --config (admin-listen = ...). Flags win, then the environment, then
the file. Routes for further providers are sections [webhook NAME] of that file, e.g. [webhook vonage]:
see docs/operations/receiver.md.
)";

constexpr const char *last_words = R"(
On SIGHUP, certificate, key and secrets are read again from their files; if that fails, nothing changes.
Exit status: 0 after SIGTERM or SIGINT, when every accepted request is answered; 1 on a failure; 2 on a bad
setting. Of drain: 0 if the spool is empty, 1 if not.
)";

} // namespace

const Program &receiver_program() {
    static const Program program{"msgstatus-receiver", "MSGSTATUS_", table,
                                 introduction,         last_words,   webhook_setting_names()};
    return program;
}

} // namespace msgstatus::receiver
