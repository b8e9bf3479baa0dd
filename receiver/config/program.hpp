// What every program of the project knows of settings: what they are, where they come from, how they are told of. Each
// program has a table of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "access/address.hpp"
#include "base/endpoint.hpp"
#include "observe/log.hpp"

namespace msgstatus::receiver {

/// What the settings of every program have.
struct ProgramConfig {
    std::string show; ///< `help`, `settings` or `version`: print that and end
    bool check_only = false;
    std::map<std::string, std::string, std::less<>> secret_files; ///< secrets that come from a file, by setting
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
    const char *name;     ///< of the flag; in the environment in capitals behind the program's prefix
    const char *value;    ///< what its value is called; null: a switch
    const char *standard; ///< default, as text; empty: none
    const char *help;
    void (*set)(ProgramConfig &config, const Setting &setting, const std::string &text); ///< null: only the flag counts
    double least = 0;                                                                    ///< of a number
    double most = 0;
    bool is_list = false;                                                 ///< may be repeated
    std::vector<std::string> &(*secret)(ProgramConfig &config) = nullptr; ///< which its file holds
    bool is_named_secret = false;                                         ///< NAME=SECRET each, also between commas
};

/// A program, as far as its settings are concerned.
struct Program {
    const char *name;
    std::string_view prefix;           ///< of its variables in the environment
    std::span<const Setting> settings; ///< those that make sense as flags only last, in the group `command_group`
    const char *introduction;          ///< of --help
    const char *last_words;
    std::span<const std::string_view> section_settings{}; ///< of sections `[webhook NAME]` in the file; none: no such
};

inline constexpr std::string_view command_group = "Command";

/// Returns what --help prints, and the table of settings in docs/operations.
std::string help_text(const Program &program);
std::string settings_table(const Program &program);

/// What was given of a setting: its values, and for messages the name of the variable they come from.
struct Given {
    std::vector<std::string> values;
    std::string origin;
};
/// By name; a setting of a section is `webhook NAME SETTING`, and `webhook NAME ` says that there is one.
using AllGiven = std::map<std::string, Given, std::less<>>;

/// Gathers what was given by flags, environment and the file that --config names: the first to set something wins. With
/// --help, --settings or --version only notes that in `config.show`.
/// @param words  gets what is no flag
/// @throws ConfigError
AllGiven gather_settings(const Program &program, int argc, const char *const argv[], std::vector<std::string> &words,
                         ProgramConfig &config);

/// Sets everything to what was given, or to its default; then reads the secrets.
/// @throws ConfigError
void apply_settings(const Program &program, const AllGiven &given, ProgramConfig &config);
void apply_secrets(const Program &program, const AllGiven &given, ProgramConfig &config);

/// Warns if nothing at all was given.
void warn_of_no_settings(const Program &program, const AllGiven &given, ProgramConfig &config);

/// Does all of that for a program that knows no words beside its flags. The caller checks what only it can know.
/// @return what was given
/// @throws ConfigError
AllGiven load_settings(const Program &program, int argc, const char *const argv[], ProgramConfig &config);

/// Reads the secrets that are in files again; those of the environment stay.
/// @throws ConfigError
void read_secret_files(const Program &program, ProgramConfig &config);

/// Returns the secrets in a text or in a file, one a line, without blanks around them and without empty lines. Those
/// that are NAME=SECRET each may also stand between commas.
/// @param origin  for the message
/// @throws ConfigError
std::vector<std::string> split_secrets(const Setting &setting, std::string_view text, const std::string &origin);
std::vector<std::string> read_secrets(const Setting &setting, const std::string &path);

/// Prints what --help, --settings or --version ask for; or starts the log, with the warnings, and with --check-config
/// says that the settings are right.
/// @return whether the program is to go on
bool begin_program(const Program &program, const ProgramConfig &config);

/// Calls a program's own main function, and says on standard error what went wrong.
/// @return its exit status; 2 for a bad setting, 1 for another failure
int run_program(const Program &program, int (*run)(int argc, char *argv[]), int argc, char *argv[]);

/// Refuses what libpq cannot parse, and certificate and key that cannot be used.
/// @throws ConfigError
void check_database(const std::string &database);
void check_tls(const std::string &certificate_file, const std::string &key_file);

/// @throws ConfigError that names the setting
[[noreturn]] void refuse(const Setting &setting, const std::string &problem);

/// Set a member to the value that a text says.
/// @throws ConfigError
void assign(std::string &target, const Setting &setting, const std::string &text);
void assign(std::size_t &target, const Setting &setting, const std::string &text);
void assign(std::chrono::milliseconds &target, const Setting &setting, const std::string &text);
void assign(double &target, const Setting &setting, const std::string &text);
void assign(bool &target, const Setting &setting, const std::string &text);
void assign(AddressList &target, const Setting &setting, const std::string &text);
void assign(std::optional<Endpoint> &target, const Setting &setting, const std::string &text);
void assign(Endpoint &target, const Setting &setting, const std::string &text);
void assign(LogLevel &target, const Setting &setting, const std::string &text);
void assign(LogFormat &target, const Setting &setting, const std::string &text);
void assign_url(std::string &target, const Setting &setting, const std::string &text); ///< without a slash at its end

template <class Owner, class Value>
Owner owner_of(Value Owner::*);

/// What a setting's `set` may be: sets a member of the program's configuration, or one of a struct in it.
template <auto first, auto... others>
void set(ProgramConfig &config, const Setting &setting, const std::string &text) {
    assign(((static_cast<decltype(owner_of(first)) &>(config).*first).*....*others), setting, text);
}

/// The same for a URL of http or https: a host, and at most a path.
template <auto member>
void set_url(ProgramConfig &config, const Setting &setting, const std::string &text) {
    assign_url(static_cast<decltype(owner_of(member)) &>(config).*member, setting, text);
}

/// The same for the file of a secret.
void set_secret_file(ProgramConfig &config, const Setting &setting, const std::string &text);

} // namespace msgstatus::receiver
