#include "refresh/config.hpp"

#include "refresh/sid.hpp"

namespace msgstatus::refresh {
namespace {

using receiver::ConfigError;
using receiver::Program;
using receiver::ProgramConfig;
using receiver::set;
using receiver::set_url;
using receiver::Setting;

constexpr const char *twilio = "Twilio";
constexpr const char *pace = "Pace";
constexpr const char *alone = "Asked by itself";
constexpr const char *database = "Database";
constexpr const char *network = "Network";
constexpr const char *log_group = "Log (to standard error)";
constexpr const char *command = receiver::command_group.data();

std::vector<std::string> &secrets_of(ProgramConfig &config) {
    return static_cast<Config &>(config).secrets;
}

// clang-format off
const Setting table[] = {
    {twilio, "twilio-account-sid", "SID", "", "account (AC...) of messages whose callbacks named none, and whose list is compared", set<&Config::account>},
    {twilio, "twilio-api-key", "SID", "", "API key (SK...) that requests are signed with; not the auth token of the account", set<&Config::key>},
    {twilio, "twilio-api-secret-file", "FILE", "", "the secret of the API key; also in the environment, without _FILE. The file is read again on SIGHUP", receiver::set_secret_file, 0, 0, false, secrets_of},
    {twilio, "twilio-api-url", "URL", "https://api.twilio.com", "where Twilio's API is, by https; for a regional one, e.g. https://api.dublin.ie1.twilio.com", set_url<&Config::twilio_url>},
    {twilio, "ca-file", "FILE", "", "certificate authorities in PEM that are trusted instead of the system's", set<&Config::ca_file>},

    {pace, "rate", "N", "5", "requests a second, of all workers on one database together", set<&Config::rate>, 0.1, 1000},
    {pace, "concurrency", "N", "2", "requests at a time", set<&Config::concurrency>, 1, 16},
    {pace, "timeout", "SECONDS", "10", "for one request", set<&Config::timeout>, 0.1, 300},
    {pace, "attempts", "N", "8", "attempts at a message while Twilio answers 429 or 5xx or not at all", set<&Config::attempts>, 1, 100},
    {pace, "backoff", "SECONDS", "5", "before the second attempt, unless Twilio says Retry-After; doubled for each further one up to 300, less up to a half by chance", set<&Config::backoff>, 0.01, 300},
    {pace, "lease", "SECONDS", "120", "for which a worker holds messages; those of one that died are then free", set<&Config::lease>, 1, 3600},
    {pace, "list-from", "N", "20", "if so many messages of an account are due, the account's list of their days is asked first, as far as that takes fewer requests", set<&Config::list_from>, 2, 100000},

    {alone, "stuck-after", "SECONDS", "900", "age from which outgoing messages without a final state are asked for by themselves, each time their age has doubled, for a week. 0: never", set<&Config::stuck_after>, 0, 604800},
    {alone, "reconcile-every", "SECONDS", "3600", "how often the lists of the last days are compared, of the account and of those that callbacks named, so that nothing that callbacks never told stays unknown. 0: never", set<&Config::reconcile_every>, 0, 604800},
    {alone, "reconcile-days", "N", "3", "how many days back, today not counted", set<&Config::reconcile_days>, 0, 30},

    {database, "database", "CONNINFO", "", "libpq connection string or URI. Missing parts come from PGHOST, PGSERVICE, ... Keep the password in ~/.pgpass (PGPASSFILE). The role needs the level refresh", set<&Config::database>},

    {network, "admin-listen", "HOST:PORT", "127.0.0.1:9092", "address for /healthz, /readyz and /metrics; `off` disables it", set<&Config::admin_listen>},

    {log_group, "log-level", "LEVEL", "info", "debug, info, warning or error", set<&Config::log_level>},
    {log_group, "log-format", "FORMAT", "logfmt", "logfmt or json", set<&Config::log_format>},

    {command, "config", "FILE", "", "read settings from a file: lines of `name = value`", nullptr},
    {command, "check-config", nullptr, "", "check the settings and exit: 0 if they are right, 2 if not", set<&Config::check_only>},
    {command, "once", nullptr, "", "do what is due now, and exit", set<&Config::once>},
    {command, "dry-run", nullptr, "", "print the requests that are due now, send none, and exit", set<&Config::dry_run>},
    {command, "help", nullptr, "", "print this", nullptr},
    {command, "settings", nullptr, "", "print the settings as a table in Markdown", nullptr},
    {command, "version", nullptr, "", "print the version", nullptr},
};
// clang-format on

constexpr const char *introduction =
    R"(msgstatus-refresh asks Twilio for the statuses of messages: of those that someone asked for
(msgstatus.request_refresh), of those that are stuck, and of all of the last days by Twilio's list, so that
what callbacks never told is found. The answers go to msgstatus.apply_message_status_batch.

Usage: msgstatus-refresh [option]...

Every option but those of `Command` may also be set in the environment (--admin-listen as
MSGSTATUS_REFRESH_ADMIN_LISTEN) or in the file of --config (admin-listen = ...). Flags win, then the
environment, then the file. Requests go through the proxy of https_proxy, if that is set.
)";

constexpr const char *last_words = R"(
On SIGHUP, the secret is read again from its file, and a worker that Twilio refused goes on.
Exit status: 0 after SIGTERM or SIGINT; 1 on a failure, with --once also if Twilio refused the credentials or
there are none; 2 on a bad setting.
)";

constexpr Program program{"msgstatus-refresh", "MSGSTATUS_REFRESH_", table, introduction, last_words};

void check(Config &config) {
    if (!config.account.empty() && !is_account_sid(config.account))
        throw ConfigError("twilio-account-sid: must be AC and 32 hexadecimal digits");
    if (!config.key.empty() && !is_key_sid(config.key))
        throw ConfigError("twilio-api-key: must be SK and 32 hexadecimal digits; an auth token is not taken");
    if (config.secrets.size() > 1)
        throw ConfigError("twilio-api-secret-file: must hold one secret");
    if (!config.twilio_url.starts_with("https://"))
        throw ConfigError("twilio-api-url: must begin with https://");
    if (config.rate == 0) // which stands for no limit elsewhere
        throw ConfigError("rate: must be from 0.1 to 1000");
    if (config.lease < 2 * config.timeout)
        throw ConfigError("lease: must be at least twice the timeout");
    receiver::check_database(config.database);
}

} // namespace

const Program &refresh_program() {
    return program;
}

Config load_config(int argc, const char *const argv[]) {
    Config config;
    receiver::load_settings(program, argc, argv, config);
    if (config.show.empty())
        check(config);
    return config;
}

Credentials credentials_of(const Config &config) {
    return {config.account, config.key, config.secrets.empty() ? "" : config.secrets.front()};
}

Credentials reload_credentials(const Config &config) {
    Config copy = config;
    receiver::read_secret_files(program, copy);
    return credentials_of(copy);
}

} // namespace msgstatus::refresh
