// Secrets come from the environment or from files, never from flags, which everyone on the machine can read.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace msgstatus::receiver {

/// What webhooks are authenticated with; every secret of a list is valid. An empty list: the provider has none.
struct Secrets {
    std::vector<std::string> meta_app_secrets;
    std::vector<std::string> meta_verify_tokens;
    std::vector<std::string> twilio_auth_tokens;
    std::vector<std::string> twilio_signing_keys; ///< each `name=secret`
    std::vector<std::string> aisensy_secrets;
};

/// split_secrets does return the secrets of a text, one a line, without blanks around them and without empty lines:
/// while a secret is being changed, the old and the new one are both valid.
std::vector<std::string> split_secrets(std::string_view text);

/// Returns signing keys, separated by commas or lines, each `name=secret`.
/// @throws std::runtime_error if one is not of that form
std::vector<std::string> split_signing_keys(const std::vector<std::string> &lines);

/// read_secret_file does return the secrets in a file, one a line.
/// @throws std::runtime_error if the file cannot be read, is larger than 64 kB or holds no secret
std::vector<std::string> read_secret_file(const std::string &path);

} // namespace msgstatus::receiver
