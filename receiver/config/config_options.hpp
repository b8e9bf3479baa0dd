// The options as Boost.Program_options knows them: names, defaults, help.
#pragma once

#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "config/secrets.hpp"

namespace msgstatus::receiver {

/// config_options does return every option that may stand in a flag, in the environment or in the file.
boost::program_options::options_description config_options();

/// command_options does return the options that make sense as flags only.
boost::program_options::options_description command_options();

/// The secrets. Each `name` can be given as environment variable (MSGSTATUS_NAME) or through the option `name-file`.
struct SecretName {
    const char *name;
    std::vector<std::string> Secrets::*list;
};
inline constexpr SecretName secret_names[] = {{"meta-app-secret", &Secrets::meta_app_secrets},
                                              {"meta-verify-token", &Secrets::meta_verify_tokens},
                                              {"twilio-auth-token", &Secrets::twilio_auth_tokens},
                                              {"twilio-signing-keys", &Secrets::twilio_signing_keys},
                                              {"aisensy-secret", &Secrets::aisensy_secrets}};

/// environment_name does return the environment variable of an option: `--admin-listen` is MSGSTATUS_ADMIN_LISTEN.
std::string environment_name(const std::string &option);

/// help_text does return what --help prints.
std::string help_text();

} // namespace msgstatus::receiver
