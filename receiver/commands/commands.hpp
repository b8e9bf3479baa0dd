// What the program does besides taking webhooks.
#pragma once

#include <string>

#include "config/config.hpp"

namespace msgstatus::receiver {

/// Brings everything in the spool to the database, without taking webhooks.
/// @return the exit status: 0 if the spool is empty now, 1 if not
int drain_command(const Config &config);

/// Returns the headers that make the body a webhook of the provider to sign for, one a line.
/// @throws ConfigError if the secret, or the URL that Twilio signs, is not set
/// @throws std::runtime_error if Twilio cannot send such a body
std::string signed_headers(const Config &config, const std::string &body);

/// Prints the signed headers of the body in the file or on standard input.
/// @return the exit status
/// @throws what signed_headers throws, and std::runtime_error if the body cannot be read
int sign_command(const Config &config);

} // namespace msgstatus::receiver
