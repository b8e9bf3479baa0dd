#include "config/webhooks.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::size_t most_routes = 200; // Request::route is a byte

struct Preset {
    std::string_view name;
    std::string_view lines; ///< as a section would have them
};

// What a method is without further words. Bodies are JSON where the signature covers their bytes, but not their type.
constexpr std::array<Preset, 10> methods = {{
    {"hmac", ""},
    {"jwt", "header = Authorization\nprefix = Bearer"},
    {"ed25519", "text = {timestamp}|{body}"},
    {"sns", "digest = any\ntolerance = 3900"}, // SNS repeats for an hour what it signed once
    {"plivo", "header = X-Plivo-Signature-V3\nnonce-header = X-Plivo-Signature-V3-Nonce\nbody = any"},
    {"plivo-v2", "header = X-Plivo-Signature-V2\nnonce-header = X-Plivo-Signature-V2-Nonce\nbody = any"},
    {"vonage-sig", "digest = md5hash\nbody = any"},
    {"header", "body = any"},
    {"basic", "header = Authorization\nprefix = Basic\nbody = any"},
    {"query", "body = any"},
}};

// What the sections of known names need not say. Headers of which providers' own documents know several names are
// all taken.
constexpr std::array<Preset, 17> presets = {{
    {"360dialog", "auth = header\nheader = Authorization\nprefix = Bearer"},
    {"aws", "auth = sns"},
    {"bandwidth", "auth = basic"},
    {"bird", "auth = hmac\nheader = webhook-signature\nprefix = v1,\nencoding = base64\nsecret-encoding = base64\n"
             "text = {id}.{timestamp}.{body}\nid-header = webhook-id\ntimestamp-header = webhook-timestamp"},
    {"gupshup", "auth = header\nheader = Authorization, Authorisation\nprefix = Bearer\nempty-answer = true"},
    {"infobip", "auth = basic"},
    {"interakt", "auth = hmac\nheader = Interakt-Signature, X-Interakt-Signature\nprefix = sha256="},
    {"kaleyra", "auth = query"},
    {"messagebird", "auth = jwt\nheader = MessageBird-Signature-JWT\nprefix =\nissuer = MessageBird"},
    {"plivo", "auth = plivo"},
    {"sinch", "auth = hmac\nheader = x-sinch-webhook-signature\nencoding = base64\ntext = {body}.{nonce}.{timestamp}\n"
              "nonce-header = x-sinch-webhook-signature-nonce\n"
              "timestamp-header = x-sinch-webhook-signature-timestamp"},
    {"standard-webhooks", "auth = hmac\nheader = webhook-signature\nprefix = v1,\nencoding = base64\n"
                          "secret-encoding = base64\ntext = {id}.{timestamp}.{body}\nid-header = webhook-id\n"
                          "timestamp-header = webhook-timestamp"},
    {"telnyx", "auth = ed25519\nheader = telnyx-signature-ed25519\ntimestamp-header = telnyx-timestamp"},
    {"vonage", "auth = jwt\nissuer = Vonage\nunsigned-status = 503"},
    {"vonage-sms", "auth = vonage-sig\nsource = vonage"},
    {"wati", "auth = query"},
    {"ycloud", "auth = hmac\nheader = YCloud-Signature\nsignature-field = s\ntimestamp-field = t\n"
               "text = {timestamp}.{body}"},
}};

template <std::size_t size>
const Preset *find_preset(const std::array<Preset, size> &list, std::string_view name) {
    const auto *const found = std::find_if(list.begin(), list.end(), [&](const Preset &p) { return p.name == name; });
    return found == list.end() ? nullptr : found;
}

template <auto member>
void set_text(WebhookSettings &route, const Setting &, const std::string &text) {
    route.*member = text;
}

template <auto member>
void set_list(WebhookSettings &route, const Setting &, const std::string &text) {
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view item = trimmed(cut(rest, ","));
        if (!item.empty())
            (route.*member).emplace_back(item);
    }
}

template <auto member>
void set_file(WebhookSettings &route, const Setting &, const std::string &text) {
    (route.*member).push_back(text);
}

template <auto member>
void set_value(WebhookSettings &route, const Setting &setting, const std::string &text) {
    assign(route.*member, setting, text);
}

template <auto member, int least, int most>
void set_number(WebhookSettings &route, const Setting &setting, const std::string &text) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), route.*member);
    if (error != std::errc() || end != text.data() + text.size() || route.*member < least || route.*member > most)
        refuse(setting, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
}

void set_auth(WebhookSettings &route, const Setting &setting, const std::string &text) {
    const Preset *method = find_preset(methods, text);
    if (method == nullptr)
        refuse(setting, "must be hmac, jwt, ed25519, sns, plivo, plivo-v2, vonage-sig, header, basic or query");
    route.auth = static_cast<Auth>(method - methods.data());
}

void set_body(WebhookSettings &route, const Setting &setting, const std::string &text) {
    constexpr std::array<std::string_view, 3> names = {"json", "form", "any"};
    const auto *const found = std::find(names.begin(), names.end(), text);
    if (found == names.end())
        refuse(setting, "must be json, form or any");
    route.body = static_cast<BodyType>(found - names.begin());
}

void set_nothing(WebhookSettings &, const Setting &, const std::string &) {} // is looked at before the others

using Setter = void (*)(WebhookSettings &, const Setting &, const std::string &);
constexpr std::array<std::pair<std::string_view, Setter>, 24> setters = {{
    {"provider", set_nothing},
    {"auth", set_auth},
    {"secret-file", set_file<&WebhookSettings::secret_files>},
    {"certificate-file", set_file<&WebhookSettings::secret_files>},
    {"header", set_text<&WebhookSettings::header>},
    {"prefix", set_text<&WebhookSettings::prefix>},
    {"signature-field", set_text<&WebhookSettings::signature_field>},
    {"timestamp-field", set_text<&WebhookSettings::timestamp_field>},
    {"timestamp-header", set_text<&WebhookSettings::timestamp_header>},
    {"id-header", set_text<&WebhookSettings::id_header>},
    {"nonce-header", set_text<&WebhookSettings::nonce_header>},
    {"digest", set_text<&WebhookSettings::digest>},
    {"encoding", set_text<&WebhookSettings::encoding>},
    {"secret-encoding", set_text<&WebhookSettings::secret_encoding>},
    {"text", set_text<&WebhookSettings::text>},
    {"body", set_body},
    {"tolerance", set_number<&WebhookSettings::tolerance, 0, 604800>},
    {"issuer", set_text<&WebhookSettings::issuer>},
    {"parameter", set_text<&WebhookSettings::parameter>},
    {"topics", set_list<&WebhookSettings::topics>},
    {"allow", set_value<&WebhookSettings::allowed>},
    {"unsigned-status", set_number<&WebhookSettings::unsigned_status, 400, 599>},
    {"empty-answer", set_value<&WebhookSettings::empty_answer>},
    {"source", set_text<&WebhookSettings::source>}, // of presets alone
}};
constexpr std::array<std::string_view, 2> lists = {"topics", "allow"};

constexpr std::array<std::string_view, setters.size()> setting_names = [] {
    std::array<std::string_view, setters.size()> names{};
    std::transform(setters.begin(), setters.end() - 1, names.begin(), [](const auto &setter) { return setter.first; });
    names.back() = "secret";
    return names;
}();

Setting labelled(const std::string &label) {
    Setting setting{};
    setting.name = label.c_str();
    return setting;
}

void set_line(WebhookSettings &route, std::string_view name, const std::string &value, const std::string &label) {
    const auto *const found =
        std::find_if(setters.begin(), setters.end(), [&](const auto &s) { return s.first == name; });
    if (found != setters.end())
        found->second(route, labelled(label), value);
}

void apply_preset(const Preset *preset, WebhookSettings &route) {
    for (std::string_view lines = preset != nullptr ? preset->lines : ""; !lines.empty();) {
        std::string_view value = cut(lines, "\n");
        const std::string_view name = trimmed(cut(value, "="));
        set_line(route, name, std::string(trimmed(value)), "preset");
    }
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

// Refuses a text with a placeholder that is none, or that no header fills.
void check_text(const WebhookSettings &route, const std::string &label) {
    for (std::string_view rest = route.text; rest.find('{') != std::string_view::npos;) {
        cut(rest, "{");
        const std::string_view name = cut(rest, "}");
        const bool has_timestamp = !route.timestamp_header.empty() || !route.timestamp_field.empty();
        if ((name == "timestamp" && !has_timestamp) || (name == "id" && route.id_header.empty()) ||
            (name == "nonce" && route.nonce_header.empty()))
            throw ConfigError(label + "text: no setting says which header holds {" + std::string(name) + "}");
        if (!is_one_of(name, {"body", "timestamp", "id", "nonce"}))
            throw ConfigError(label + "text: there is no {" + std::string(name) + "}");
    }
    if (route.text.find("{body}") == std::string::npos)
        throw ConfigError(label + "text: must have {body}, else nothing vouches for it");
    const bool has_time = !route.timestamp_header.empty() || !route.timestamp_field.empty();
    if (has_time && route.text.find("{timestamp}") == std::string::npos)
        throw ConfigError(label + "text: must have {timestamp}, else nothing vouches for that");
}

void check(const WebhookSettings &route) {
    const std::string label = "webhook " + route.name + ": ";
    if (route.has_header() && route.header.empty())
        throw ConfigError(label + "header: must be set");
    if (route.auth == Auth::hmac || route.auth == Auth::ed25519)
        check_text(route, label);
    const bool is_good_digest = route.auth == Auth::sns ? is_one_of(route.digest, {"any", "sha256"})
                                : route.auth == Auth::vonage_sig
                                    ? is_one_of(route.digest, {"md5hash", "md5", "sha1", "sha256", "sha512"})
                                    : is_one_of(route.digest, {"sha1", "sha256", "sha512"});
    if (!is_good_digest)
        throw ConfigError(label + "digest: there is no such digest for this method");
    if (!is_one_of(route.encoding, {"hex", "base64"}))
        throw ConfigError(label + "encoding: must be hex or base64");
    if (!is_one_of(route.secret_encoding, {"text", "base64"}))
        throw ConfigError(label + "secret-encoding: must be text or base64");
    if (route.auth == Auth::sns && route.body != BodyType::json)
        throw ConfigError(label + "body: must be json for this method");
    const bool signs_bytes = route.auth == Auth::hmac || route.auth == Auth::jwt || route.auth == Auth::ed25519;
    if (signs_bytes && route.body == BodyType::any)
        throw ConfigError(label + "body: must be json or form, since no signature of this method says which it is");
    if (route.auth == Auth::sns && route.topics.empty())
        throw ConfigError(label + "topics: must be set, since anyone can have a topic at Amazon");
    if (route.auth == Auth::query && route.parameter.empty())
        throw ConfigError(label + "parameter: must be set");
}

WebhookSettings make_route(const std::string &name, const std::map<std::string, Given, std::less<>> &section) {
    const std::string label = "webhook " + name + ": ";
    if (is_one_of(name, {"meta", "twilio", "aisensy"}))
        throw ConfigError(label + "the route is built in, and has settings of its own");
    const auto one = [&](const char *setting, std::string_view standard) {
        const auto found = section.find(setting);
        return found == section.end() ? std::string(standard) : found->second.values.back();
    };
    WebhookSettings route;
    route.name = name;
    route.path = "/webhooks/" + name;
    route.source = one("provider", name);
    const Preset *preset = find_preset(presets, route.source);
    WebhookSettings of_preset = route;
    apply_preset(preset, of_preset);
    route.source = of_preset.source;
    if (preset == nullptr && !section.contains("auth"))
        throw ConfigError(label + "auth: must be set, since no provider of this name is known");
    set_line(route, "auth", one("auth", methods[static_cast<std::size_t>(of_preset.auth)].name), label + "auth");
    apply_preset(&methods[static_cast<std::size_t>(route.auth)], route);
    if (preset != nullptr && route.auth == of_preset.auth)
        apply_preset(preset, route);
    for (const auto &[setting, given] : section) {
        const bool may_repeat = setting.ends_with("-file") || is_one_of(setting, {lists[0], lists[1]});
        if (given.values.size() > 1 && !may_repeat)
            throw ConfigError(label + setting + ": is given more than once");
        for (const std::string &value : given.values)
            set_line(route, setting, value, label + setting);
    }
    if (const auto secret = section.find("secret"); secret != section.end()) {
        route.secret = secret->second.values.back();
        route.secret_origin = secret->second.origin;
    }
    if (!route.secret.empty() && !route.secret_files.empty())
        throw ConfigError(label + "set either " + route.secret_origin + " or a file, not both");
    check(route);
    return route;
}

void check_secrets(const WebhookSettings &route, const std::vector<std::string> &secrets) {
    constexpr std::size_t ed25519_size = 32;
    for (const std::string &secret : secrets) {
        const std::string label = "webhook " + route.name + ": secret: ";
        if (route.auth == Auth::ed25519 && decode_base64(secret).value_or("").size() != ed25519_size)
            throw ConfigError(label + "must be an Ed25519 public key in base64");
        if (route.auth == Auth::basic && secret.find(':') == std::string::npos)
            throw ConfigError(label + "must be USER:PASSWORD");
        if (route.auth == Auth::hmac && route.secret_encoding == "base64" &&
            decode_base64(std::string_view(secret).substr(secret.starts_with("whsec_") ? 6 : 0)).value_or("").empty())
            throw ConfigError(label + "must be base64, with or without whsec_ in front");
    }
    const bool has_certificate =
        std::find(secrets.begin(), secrets.end(), "-----BEGIN CERTIFICATE-----") != secrets.end();
    if (route.auth == Auth::sns && !secrets.empty() && !has_certificate)
        throw ConfigError("webhook " + route.name + ": certificate-file: holds no certificate in PEM");
}

} // namespace

std::span<const std::string_view> webhook_setting_names() {
    return setting_names;
}

std::vector<WebhookSettings> webhook_settings(const AllGiven &given) {
    constexpr std::string_view prefix = "webhook ";
    std::map<std::string, std::map<std::string, Given, std::less<>>> sections;
    for (auto entry = given.lower_bound(prefix); entry != given.end() && entry->first.starts_with(prefix); ++entry) {
        std::string_view setting = std::string_view(entry->first).substr(prefix.size());
        const std::string name(cut(setting, " "));
        sections[name][std::string(setting)] = entry->second;
    }
    if (sections.size() > most_routes)
        throw ConfigError("webhook: there are more than 200 sections");
    std::vector<WebhookSettings> routes;
    for (const auto &[name, section] : sections)
        routes.push_back(make_route(name, section));
    return routes;
}

std::vector<std::vector<std::string>> webhook_secrets(const std::vector<WebhookSettings> &routes) {
    std::vector<std::vector<std::string>> all;
    for (const WebhookSettings &route : routes) {
        const std::string label = "webhook " + route.name + ": secret-file";
        const Setting setting = labelled(label);
        std::vector<std::string> &secrets = all.emplace_back();
        if (!route.secret.empty())
            secrets = split_secrets(setting, route.secret, route.secret_origin);
        for (const std::string &path : route.secret_files) {
            std::vector<std::string> more = read_secrets(setting, path);
            secrets.insert(secrets.end(), more.begin(), more.end());
        }
        check_secrets(route, secrets);
    }
    return all;
}

} // namespace msgstatus::receiver
