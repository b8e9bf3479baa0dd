// The settings of the program: what they are, where they come from, what they may be.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "access/address.hpp"
#include "access/rate_limit.hpp"
#include "config/endpoint.hpp"
#include "config/secrets.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {

/// What the program is asked to do.
enum class Command : std::uint8_t {
    serve,   ///< take webhooks
    inspect, ///< tell what the spool holds
    drain,   ///< bring what the spool holds to the database
    salvage, ///< bring what can be read of a damaged file to the spool
    sign,    ///< print the headers that make a body a provider's webhook
};

struct Config {
    Command command = Command::serve;
    std::size_t inspect_list = 0; ///< webhooks that inspect lists
    bool inspect_content = false;
    std::string salvage_from;
    std::string sign_provider;
    std::string sign_url;  ///< what Twilio calls
    std::string sign_file; ///< `-` for standard input

    Endpoint listen;
    std::optional<Endpoint> admin_listen; ///< nothing: no admin listener
    std::string public_url;               ///< without a slash at its end; empty if not set
    std::string tls_certificate_file;     ///< empty: plain HTTP
    std::string tls_key_file;

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
    std::map<std::string, std::string> secret_files; ///< those of them that came from a file: name and path
    bool allow_unsigned = false;

    AddressList trusted_proxies;
    AddressList allow_meta; ///< an empty list allows everyone
    AddressList allow_twilio;
    AddressList allow_aisensy;
    AddressList allow_webhook;
    Rate rate_limit;
    Rate rate_limit_per_address;

    std::size_t body_limit = 0;
    std::size_t max_connections = 0;
    std::size_t max_connections_per_address = 0; ///< 0: no limit
    std::chrono::milliseconds tls_handshake_timeout{};
    std::chrono::milliseconds header_timeout{};
    std::chrono::milliseconds body_timeout{};
    std::chrono::milliseconds idle_timeout{};
    std::chrono::milliseconds request_timeout{};
    std::chrono::milliseconds drain_timeout{};

    LogLevel log_level = LogLevel::info;
    LogFormat log_format = LogFormat::logfmt;
    bool check_only = false;
    std::vector<std::string> warnings; ///< what is allowed and yet worth a word at the start
};

/// A setting is wrong; the message names it.
class ConfigError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Instead of a configuration: a text to print (--help, --version).
struct PrintAndExit {
    std::string text;
};

struct LoadedConfig {
    Config config;
    std::optional<PrintAndExit> print;
};

/// load_config does gather the settings from the flags, then from the environment (--admin-listen is
/// MSGSTATUS_ADMIN_LISTEN), then from the file that --config names: the first to set something wins. It reads the
/// secrets and checks all.
/// @throws ConfigError
LoadedConfig load_config(int argc, const char *const argv[]);

/// reload_secrets does read the secrets that are in files again; those of the environment stay.
/// @throws ConfigError
Secrets reload_secrets(const Config &config);

} // namespace msgstatus::receiver
