// The settings of the program: what they are, where they come from, what they may be.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "access/address.hpp"
#include "access/rate_limit.hpp"
#include "base/endpoint.hpp"
#include "http/limits.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {

/// What the program is asked to do.
enum class Command : std::uint8_t {
    serve, ///< take webhooks
    drain, ///< bring what the spool holds to the database
    sign,  ///< print the headers that make a body a provider's webhook
};

/// What webhooks are authenticated with; every secret of a list is valid. An empty list: the provider has none.
struct Secrets {
    std::vector<std::string> meta_app_secrets;
    std::vector<std::string> meta_verify_tokens;
    std::vector<std::string> twilio_auth_tokens;
    std::vector<std::string> twilio_signing_keys; ///< each `name=secret`
    std::vector<std::string> aisensy_secrets;
};

struct Config {
    Command command = Command::serve;
    std::string show; ///< `help`, `settings` or `version`: print that and end
    bool check_only = false;
    std::string sign_provider;
    std::string sign_url;        ///< what Twilio calls
    std::string sign_file = "-"; ///< `-` for standard input

    Endpoint listen;
    std::optional<Endpoint> admin_listen; ///< nothing: no admin listener
    bool reuse_port = false;
    std::string public_url;           ///< without a slash at its end; empty if not set
    std::string tls_certificate_file; ///< empty: plain HTTP
    std::string tls_key_file;
    HttpLimits http;
    std::chrono::milliseconds drain_timeout{};

    std::string database; ///< libpq conninfo, URI or name; empty: libpq's own defaults (PGHOST, ...)
    std::size_t lanes = 0;
    std::size_t batch_max = 0;
    std::size_t batch_max_bytes = 0;
    std::size_t queue_max = 0;
    std::size_t buffer_max_bytes = 0;
    std::chrono::milliseconds statement_timeout{};
    std::chrono::milliseconds lock_timeout{};

    std::string spool_dir; ///< empty: no spool
    std::size_t spool_max_bytes = 0;
    std::chrono::milliseconds spool_after{};

    Secrets secrets;
    std::map<std::string, std::string, std::less<>> secret_files; ///< those of them that come from a file, by setting
    bool allow_unsigned = false;

    AddressList allow_meta; ///< an empty list allows everyone
    AddressList allow_twilio;
    AddressList allow_aisensy;
    AddressList allow_webhook;
    Rate rate_limit;
    Rate rate_limit_per_address;

    LogLevel log_level = LogLevel::info;
    LogFormat log_format = LogFormat::logfmt;
    std::vector<std::string> warnings; ///< what is valid and yet probably not meant, for the log
};

/// A setting is wrong; the message names it, and never holds its value, which may be a secret in the wrong place.
class ConfigError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A setting: everything there is to know of it. Flags, environment, file, --help and the reference page come from
/// these. A secret is a setting for its file, `meta-app-secret-file`; itself it is in the environment alone.
struct Setting {
    const char *group;    ///< heading in --help
    const char *name;     ///< of the flag; MSGSTATUS_... in the environment
    const char *value;    ///< what its value is called; null: a switch
    const char *standard; ///< default, as text; empty: none
    const char *help;
    void (*set)(Config &config, const Setting &setting, const std::string &text); ///< null: only the flag counts
    double least = 0;                                                             ///< of a number
    double most = 0;
    bool is_list = false;                                ///< may be repeated
    std::vector<std::string> Secrets::*secret = nullptr; ///< which its file holds
};

/// Returns every setting, those that make sense as flags only last, in the group `command_group`.
std::span<const Setting> settings();
inline constexpr std::string_view command_group = "Command";

/// Returns what --help prints, and the table of settings in docs/operations/receiver.md.
std::string help_text();
std::string settings_table();

/// Gathers the settings from the flags, then from the environment, then from the file that --config names: the first to
/// set something wins. Reads the secrets and checks all.
/// @throws ConfigError
Config load_config(int argc, const char *const argv[]);

/// Reads the secrets that are in files again; those of the environment stay.
/// @throws ConfigError
Secrets reload_secrets(const Config &config);

} // namespace msgstatus::receiver
