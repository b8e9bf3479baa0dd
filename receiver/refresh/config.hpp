// The settings of msgstatus-refresh.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "config/program.hpp"

namespace msgstatus::refresh {

/// What requests to Twilio are signed with. The auth token of an account is not taken: an API key can be revoked alone.
struct Credentials {
    std::string account; ///< AC...; of messages whose callbacks named none
    std::string key;     ///< SK...
    std::string secret;

    bool complete() const noexcept { return !account.empty() && !key.empty() && !secret.empty(); }
};

struct Config : receiver::ProgramConfig {
    std::optional<receiver::Endpoint> admin_listen; ///< nothing: no admin listener
    std::string database; ///< libpq conninfo, URI or name; empty: libpq's own defaults (PGHOST, ...)

    std::string account;
    std::string key;
    std::vector<std::string> secrets; ///< of the API key; at most one
    std::string twilio_url;           ///< without a slash at its end
    std::string ca_file;              ///< empty: the system's

    double rate = 0; ///< requests a second, of all workers together
    std::size_t concurrency = 0;
    std::chrono::milliseconds timeout{};
    std::size_t attempts = 0;
    std::chrono::milliseconds backoff{}; ///< before the second attempt
    std::chrono::milliseconds lease{};
    std::size_t list_from = 0; ///< messages of an account, from which the list is asked instead of each

    std::chrono::milliseconds stuck_after{};     ///< 0: never
    std::chrono::milliseconds reconcile_every{}; ///< 0: never
    std::size_t reconcile_days = 0;

    bool once = false;
    bool dry_run = false;
};

/// Returns msgstatus-refresh as a program with settings.
const receiver::Program &refresh_program();

/// @throws receiver::ConfigError
Config load_config(int argc, const char *const argv[]);

/// Returns the credentials of the settings, incomplete where something is not set.
Credentials credentials_of(const Config &config);

/// Returns the credentials with the secret read again from its file.
/// @throws receiver::ConfigError
Credentials reload_credentials(const Config &config);

} // namespace msgstatus::refresh
