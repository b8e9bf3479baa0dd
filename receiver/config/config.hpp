// The settings of the receiver.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "access/address.hpp"
#include "access/rate_limit.hpp"
#include "base/endpoint.hpp"
#include "config/program.hpp"
#include "config/webhooks.hpp"
#include "http/limits.hpp"

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
    std::vector<std::vector<std::string>> webhooks; ///< of Config::webhooks, in their order
};

struct Config : ProgramConfig {
    Command command = Command::serve;
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
    std::vector<WebhookSettings> webhooks; ///< routes beside the built-in ones
    bool allow_unsigned = false;

    AddressList allow_meta; ///< an empty list allows everyone
    AddressList allow_twilio;
    AddressList allow_aisensy;
    AddressList allow_webhook;
    Rate rate_limit;
    Rate rate_limit_per_address;
};

/// Returns the receiver as a program with settings.
const Program &receiver_program();

/// Gathers the settings from the flags, then from the environment, then from the file that --config names: the first to
/// set something wins. Reads the secrets and checks all.
/// @throws ConfigError
Config load_config(int argc, const char *const argv[]);

/// Reads the secrets that are in files again; those of the environment stay.
/// @throws ConfigError
Secrets reload_secrets(const Config &config);

} // namespace msgstatus::receiver
