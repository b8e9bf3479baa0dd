#include "config/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <system_error>

#include <libpq-fe.h>

#include "base/text_codec.hpp"
#include "http/tls_context.hpp"

extern char **environ; // NOLINT(readability-redundant-declaration): not every libc declares it

namespace msgstatus::receiver {
namespace {

template <class Number>
Number number_of(const Setting &setting, const std::string &text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    std::ostringstream bounds;
    bounds.precision(15);
    bounds << "must be from " << setting.least << " to " << setting.most;
    if (!is_number || !(static_cast<double>(value) >= setting.least && static_cast<double>(value) <= setting.most))
        refuse(setting, bounds.str()); // also where it is not a number (NaN)
    return value;
}

const Setting *find_setting(const Program &program, std::string_view name) {
    const auto found = std::find_if(program.settings.begin(), program.settings.end(),
                                    [&](const Setting &setting) { return name == setting.name; });
    return found == program.settings.end() ? nullptr : &*found;
}

bool is_of_files(const Program &program, std::string_view name) {
    const Setting *setting = find_setting(program, name);
    return setting != nullptr && setting->group != command_group;
}

// Returns whether a variable is for another program, whose prefix begins with this one's.
bool is_of_another(const Program &program, std::string_view variable) {
    constexpr std::array<std::string_view, 2> prefixes = {"MSGSTATUS_CONSOLE_", "MSGSTATUS_REFRESH_"};
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) {
        return prefix.size() > program.prefix.size() && variable.starts_with(prefix);
    });
}

// Returns the values of the flags; what is no flag goes to `words`. No value is shown: it may be a secret.
AllGiven read_flags(const Program &program, int argc, const char *const argv[], std::vector<std::string> &words) {
    AllGiven given;
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument = std::string_view(argv[i]) == "-h" ? "--help" : argv[i];
        if (!argument.starts_with("--")) {
            words.emplace_back(argument);
            continue;
        }
        std::string_view value = argument.substr(2);
        const bool has_value = value.find('=') != std::string_view::npos;
        const std::string name(cut(value, "="));
        const Setting *setting = find_setting(program, name);
        if (setting == nullptr)
            throw ConfigError("unrecognised option '--" + name + "'");
        if (!has_value && setting->value == nullptr)
            value = "true";
        else if (!has_value && i + 1 == argc)
            throw ConfigError(name + ": the value is missing");
        else if (!has_value)
            value = argv[++i];
        given[name].values.emplace_back(value);
    }
    return given;
}

// Returns whether a section may have the name: define_provider() allows the same ones.
bool is_section_name(std::string_view name) {
    constexpr std::string_view allowed = "_-abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::size_t longest = 63;
    return !name.empty() && name.size() <= longest && allowed.find(name.front()) > 1 &&
           name.find_first_not_of(allowed) == std::string_view::npos;
}

// Returns what the rest of a variable's name stands for: `_` for a hyphen, `__` for an underscore.
std::string spelled_out(std::string_view variable) {
    std::string name;
    for (std::size_t i = 0; i < variable.size(); ++i) {
        const bool is_pair = variable.substr(i, 2) == "__";
        name += is_pair ? '_' : variable[i] == '_' ? '-' : variable[i];
        i += is_pair ? 1 : 0;
    }
    return lower_case(name);
}

// Returns the setting of a section that a variable is for: the name of the setting ends it, the longest that does.
// Returns an empty string if it is for none.
std::string section_setting(const Program &program, std::string_view variable) {
    constexpr std::string_view prefix = "webhook-";
    std::string_view longest;
    for (const std::string_view setting : program.section_settings) {
        const bool ends = variable.ends_with(setting) && variable.size() > prefix.size() + setting.size() + 1 &&
                          variable[variable.size() - setting.size() - 1] == '-';
        longest = ends && setting.size() > longest.size() ? setting : longest;
    }
    if (!variable.starts_with(prefix) || longest.empty())
        return {};
    variable.remove_prefix(prefix.size());
    variable.remove_suffix(longest.size() + 1);
    return is_section_name(variable) ? "webhook " + std::string(variable) + " " + std::string(longest) : "";
}

AllGiven read_environment(const Program &program, std::vector<std::string> &warnings) {
    AllGiven given;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        std::string_view value = *entry;
        const std::string variable(cut(value, "="));
        if (!variable.starts_with(program.prefix) || is_of_another(program, variable))
            continue;
        const std::string spelled = variable.substr(program.prefix.size());
        std::string name = lower_case(spelled);
        std::replace(name.begin(), name.end(), '_', '-');
        const Setting *secret = find_setting(program, name + "-file");
        if (const std::string of_section = section_setting(program, spelled_out(spelled));
            !of_section.empty() && !value.empty())
            given[of_section] = {{std::string(value)}, variable};
        else if (!of_section.empty())
            continue; // empty counts as not set
        else if (!is_of_files(program, name) && name != "config" && (secret == nullptr || secret->secret == nullptr))
            warnings.push_back("the environment variable " + variable + " is no setting of this program");
        else if (!value.empty())
            given[name] = {{std::string(value)}, variable};
    }
    return given;
}

// Returns the section that a line `[webhook NAME]` begins, as AllGiven writes it in front of its settings; empty if the
// program has no such sections.
std::string section_of(const Program &program, std::string_view line) {
    constexpr std::string_view prefix = "[webhook ";
    if (program.section_settings.empty() || !line.starts_with(prefix) || !line.ends_with(']'))
        return {};
    const std::string_view name = trimmed(line.substr(prefix.size(), line.size() - prefix.size() - 1));
    return is_section_name(name) ? "webhook " + std::string(name) + " " : "";
}

bool is_of_section(const Program &program, std::string_view name) {
    const auto &names = program.section_settings;
    return name != "secret" && std::find(names.begin(), names.end(), name) != names.end();
}

AllGiven read_file(const Program &program, const std::string &path) {
    std::ifstream file(path);
    if (!file)
        throw ConfigError("config: cannot read the file " + path);
    AllGiven given;
    std::string section;
    for (std::string text; std::getline(file, text);) {
        std::string_view line = trimmed(std::string_view(text).substr(0, text.find('#')));
        if (line.empty())
            continue;
        if (line.starts_with('[')) {
            section = section_of(program, line);
            if (section.empty())
                throw ConfigError("config: in the file " + path + ": no section: " + std::string(line));
            given[section]; // also if nothing follows
            continue;
        }
        const bool has_value = line.find('=') != std::string_view::npos;
        const std::string name(trimmed(cut(line, "=")));
        if (!has_value || !(section.empty() ? is_of_files(program, name) : is_of_section(program, name)))
            throw ConfigError(
                std::string("config: in the file ").append(path).append(": no setting: ").append(section).append(name));
        given[section + name].values.emplace_back(trimmed(line));
    }
    return given;
}

void wrap(std::ostream &out, const std::string &text) {
    constexpr std::size_t width = 90;
    std::istringstream words(text);
    std::string word, line;
    while (words >> word) {
        if (!line.empty() && line.size() + word.size() + 1 > width) {
            out << "        " << line << '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
    }
    out << "        " << line << '\n';
}

} // namespace

std::vector<std::string> split_secrets(const Setting &setting, std::string_view text, const std::string &origin) {
    const bool are_keys = setting.is_named_secret;
    std::vector<std::string> secrets;
    while (!text.empty()) {
        const std::string_view secret = trimmed(cut(text, are_keys ? "\n," : "\n"));
        const std::size_t equals = secret.find('=');
        if (are_keys && !secret.empty() && (equals == 0 || equals >= secret.size() - 1)) // none is beyond the end, too
            throw ConfigError(origin + ": a key must be NAME=SECRET");
        if (!secret.empty())
            secrets.emplace_back(secret);
    }
    if (secrets.empty())
        throw ConfigError(origin + ": holds no secret");
    return secrets;
}

std::vector<std::string> read_secrets(const Setting &setting, const std::string &path) {
    constexpr std::size_t largest = 65536;
    const std::string origin = std::string(setting.name) + ": the file " + path;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file)
        throw ConfigError(origin + " is larger than 64 kB");
    if (!file.is_open() || !file.eof())
        throw ConfigError(origin + " cannot be read: " + std::generic_category().message(errno != 0 ? errno : EIO));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return split_secrets(setting, text, origin);
}

void refuse(const Setting &setting, const std::string &problem) {
    throw ConfigError(std::string(setting.name) + ": " + problem);
}

void assign(std::string &target, const Setting &, const std::string &text) {
    target = text;
}

void assign(std::size_t &target, const Setting &setting, const std::string &text) {
    target = number_of<std::size_t>(setting, text);
}

void assign(std::chrono::milliseconds &target, const Setting &setting, const std::string &text) {
    target = std::chrono::milliseconds(static_cast<std::int64_t>(number_of<double>(setting, text) * 1000));
}

void assign(double &target, const Setting &setting, const std::string &text) {
    target = text == "0" ? 0 : number_of<double>(setting, text);
}

void assign(bool &target, const Setting &setting, const std::string &text) {
    const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
        return std::find(words.begin(), words.end(), text) != words.end();
    };
    target = is_one_of({"true", "1", "yes", "on"});
    if (!target && !is_one_of({"false", "0", "no", "off"}))
        refuse(setting, "must be true or false");
}

void assign(AddressList &target, const Setting &setting, const std::string &text) {
    if (const std::optional<std::string> wrong = target.add(text))
        refuse(setting, "no address and no CIDR range (one without bits beyond its prefix): " + *wrong);
    if (target.empty())
        refuse(setting, "names no address");
}

void assign(std::optional<Endpoint> &target, const Setting &setting, const std::string &text) {
    target = parse_endpoint(text);
    if (!target && text != "off")
        refuse(setting, "must be HOST:PORT, e.g. 127.0.0.1:8080 or [::1]:8080");
}

void assign(Endpoint &target, const Setting &setting, const std::string &text) {
    std::optional<Endpoint> endpoint;
    assign(endpoint, setting, text == "off" ? "" : text); // the one listener that there must be
    target = *endpoint;
}

void assign(LogLevel &target, const Setting &setting, const std::string &text) {
    constexpr std::array<std::string_view, 4> names = {"debug", "info", "warning", "error"};
    const auto *const found = std::find(names.begin(), names.end(), text == "warn" ? "warning" : text);
    if (found == names.end())
        refuse(setting, "must be debug, info, warning or error");
    target = static_cast<LogLevel>(found - names.begin());
}

void assign(LogFormat &target, const Setting &setting, const std::string &text) {
    if (text != "logfmt" && text != "json")
        refuse(setting, "must be logfmt or json");
    target = text == "json" ? LogFormat::json : LogFormat::logfmt;
}

void assign_url(std::string &target, const Setting &setting, const std::string &text) {
    const std::size_t host = text.starts_with("https://") ? 8 : (text.starts_with("http://") ? 7 : std::string::npos);
    if (host == std::string::npos || host == text.size() || text[host] == '/' ||
        text.find_first_of("?# \t") != std::string::npos)
        refuse(setting, "must be http:// or https://, a host, and at most a path");
    target = text.substr(0, text.find_last_not_of('/') + 1);
}

void set_secret_file(ProgramConfig &config, const Setting &setting, const std::string &text) {
    config.secret_files[setting.name] = text;
}

// Refuses what libpq cannot parse. libpq's message may quote parts of the string, a password among them, so only its
// harmless kinds are passed on.
void check_database(const std::string &database) {
    const bool is_conninfo = database.find('=') != std::string::npos || database.starts_with("postgresql://") ||
                             database.starts_with("postgres://");
    if (!is_conninfo)
        return; // the name of a database, or nothing
    char *message = nullptr;
    PQconninfoOption *parsed = PQconninfoParse(database.c_str(), &message);
    const bool is_good = parsed != nullptr;
    PQconninfoFree(parsed);
    std::string reason = message != nullptr ? message : "out of memory";
    PQfreemem(message);
    if (is_good)
        return;
    if (!reason.starts_with("invalid connection option") && !reason.starts_with("invalid URI query parameter"))
        reason = reason.substr(0, reason.find('"'));
    throw ConfigError("database: no valid libpq connection string or URI: " + std::string(trimmed(reason)));
}

void check_tls(const std::string &certificate_file, const std::string &key_file) {
    const bool has_certificate = !certificate_file.empty();
    if (has_certificate != !key_file.empty())
        throw ConfigError(has_certificate ? "tls-key: must be set where tls-cert is"
                                          : "tls-cert: must be set where tls-key is");
    try {
        if (has_certificate)
            TlsContext(certificate_file, key_file);
    } catch (const std::runtime_error &error) {
        throw ConfigError(error.what());
    }
}

AllGiven gather_settings(const Program &program, int argc, const char *const argv[], std::vector<std::string> &words,
                         ProgramConfig &config) {
    AllGiven given = read_flags(program, argc, argv, words);
    for (const char *name : {"help", "settings", "version"}) {
        if (given.contains(name)) {
            config.show = name;
            return given;
        }
    }
    given.merge(read_environment(program, config.warnings)); // leaves what is there
    if (given.contains("config"))
        given.merge(read_file(program, given["config"].values.back()));
    return given;
}

void apply_settings(const Program &program, const AllGiven &given, ProgramConfig &config) {
    for (const Setting &setting : program.settings) {
        const auto found = given.find(setting.name);
        const Given what = found == given.end() ? Given{{setting.standard}, ""} : found->second;
        if (what.values.size() > 1 && !setting.is_list)
            throw ConfigError(std::string(setting.name) + ": is given more than once");
        for (const std::string &value : what.values) {
            const std::string text = value.empty() ? setting.standard : value;
            try {
                if (setting.set != nullptr && (!text.empty() || (setting.is_list && found != given.end())))
                    setting.set(config, setting, text);
            } catch (const ConfigError &error) {
                throw ConfigError((what.origin.empty() ? "" : what.origin + ": ") + error.what());
            }
        }
    }
}

void apply_secrets(const Program &program, const AllGiven &given, ProgramConfig &config) {
    for (const Setting &setting : program.settings) {
        const std::string_view name = setting.name;
        const auto variable = given.find(name.substr(0, name.rfind("-file")));
        if (setting.secret == nullptr || variable == given.end())
            continue;
        if (config.secret_files.contains(name))
            throw ConfigError(variable->first + ": set either " + variable->second.origin + " or " + setting.name +
                              ", not both");
        setting.secret(config) = split_secrets(setting, variable->second.values.front(), variable->second.origin);
    }
    read_secret_files(program, config);
}

void read_secret_files(const Program &program, ProgramConfig &config) {
    for (const auto &[name, path] : config.secret_files) {
        const Setting *setting = find_setting(program, name);
        setting->secret(config) = read_secrets(*setting, path);
    }
}

void warn_of_no_settings(const Program &program, const AllGiven &given, ProgramConfig &config) {
    const auto is_command = [&](const auto &entry) {
        const Setting *setting = find_setting(program, entry.first);
        return setting != nullptr && setting->group == command_group;
    };
    if (!given.contains("config") && std::all_of(given.begin(), given.end(), is_command))
        config.warnings.push_back("nothing is configured: no flag, no variable " + std::string(program.prefix) +
                                  "..., no --config; see --help");
}

AllGiven load_settings(const Program &program, int argc, const char *const argv[], ProgramConfig &config) {
    std::vector<std::string> words;
    AllGiven given = gather_settings(program, argc - 1, argv + 1, words, config);
    if (!config.show.empty())
        return given;
    if (!words.empty())
        throw ConfigError("too many positional arguments");
    apply_settings(program, given, config);
    apply_secrets(program, given, config);
    warn_of_no_settings(program, given, config);
    return given;
}

std::string help_text(const Program &program) {
    std::ostringstream out;
    out << program.introduction;
    const char *group = "";
    for (const Setting &setting : program.settings) {
        if (setting.group != group)
            out << '\n' << (group = setting.group) << ":\n";
        out << "  --" << setting.name;
        if (setting.value != nullptr)
            out << ' ' << setting.value;
        if (*setting.standard != '\0')
            out << " (=" << setting.standard << ')';
        out << '\n';
        wrap(out, setting.help);
    }
    out << program.last_words;
    return out.str();
}

std::string settings_table(const Program &program) {
    std::ostringstream out;
    out << "| setting | default | meaning |\n|---|---|---|\n";
    for (const Setting &setting : program.settings) {
        if (setting.group == command_group)
            break;
        const std::string standard = *setting.standard == '\0' ? "" : "`" + std::string(setting.standard) + "` ";
        out << "| `" << setting.name << "` | " << standard << "| " << setting.help << " |\n";
    }
    return out.str();
}

bool begin_program(const Program &program, const ProgramConfig &config) {
    if (!config.show.empty()) {
        const std::string text = config.show == "help"       ? help_text(program)
                                 : config.show == "settings" ? settings_table(program)
                                                             : std::string(program.name) + " " MSGSTATUS_VERSION "\n";
        std::fputs(text.c_str(), stdout);
        return false;
    }
    start_log(config.log_level, config.log_format);
    for (const std::string &warning : config.warnings)
        log(LogLevel::warning, "setting", {{"reason", warning}});
    if (config.check_only)
        std::puts("the settings are right");
    return !config.check_only;
}

int run_program(const Program &program, int (*run)(int argc, char *argv[]), int argc, char *argv[]) {
    try {
        return run(argc, argv);
    } catch (const ConfigError &error) {
        std::fprintf(stderr, "%s: %s\n", program.name, error.what());
        return 2;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s: %s\n", program.name, error.what());
        return 1;
    }
}

} // namespace msgstatus::receiver
