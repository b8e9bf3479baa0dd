// The settings of the console.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/endpoint.hpp"
#include "config/program.hpp"
#include "http/limits.hpp"

namespace msgstatus::receiver {

struct ConsoleConfig : ProgramConfig {
    Endpoint listen;
    std::string listen_path;              ///< a Unix socket in place of that, if not empty
    std::optional<Endpoint> admin_listen; ///< nothing: no admin listener
    std::string public_url;               ///< without a slash at its end; empty if not set
    std::string tls_certificate_file;     ///< empty: plain HTTP
    std::string tls_key_file;
    HttpLimits http;
    std::chrono::milliseconds drain_timeout{};
    std::string user_header; ///< with which a trusted proxy says who is signed in; empty: nobody is believed

    std::string database;
    std::chrono::milliseconds statement_timeout{};

    std::chrono::milliseconds session_idle{};
    std::chrono::milliseconds session_length{};
    std::size_t max_sessions = 0;
    std::size_t sessions_per_role = 0;

    bool is_https() const { return !tls_certificate_file.empty() || public_url.starts_with("https://"); }
};

const Program &console_program();

/// @throws ConfigError
ConsoleConfig load_console_config(int argc, const char *const argv[]);

} // namespace msgstatus::receiver
