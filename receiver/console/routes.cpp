#include "console/routes.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <rapidjson/document.h>

#include "base/text_codec.hpp"

namespace msgstatus::receiver {
namespace {

using enum RouteKind;
using enum boost::beast::http::verb;

// Who names a person (recipient, text) does so in a body: addresses are logged on their way, and kept by browsers.
#define FILTER "state type provider direction campaign from to"
#define SEARCH FILTER " recipient text"

constexpr Route table[] = {
    {none, unknown, ""},
    {page, get, "/"},
    {page, get, "/sign-in"},
    {page, get, "/messages"},
    {page, get, "/messages/*"},
    {page, get, "/campaigns"},
    {page, get, "/campaigns/*"},
    {page, get, "/rejected"},
    {page, get, "/alerts"},
    {page, get, "/attached"},
    {page, get, "/health"},
    {page, get, "/whatsapp_logs"},
    {asset, get, "/assets/*"},
    {login, post, "/api/login"},
    {logout, post, "/api/logout"},
    {json, get, "/api/session", "weblog_session", "", false, 200, true},
    {json, get, "/api/messages", "weblog_messages", FILTER " sort limit cursor"},
    {json, post, "/api/messages/search", "weblog_messages", SEARCH " sort limit cursor"},
    {json, post, "/api/messages/changes", "weblog_changes", SEARCH " sort limit cursor since changed_since ids", false, 200, true},
    {text, get, "/api/messages.csv", "weblog_csv_page", FILTER " sort"},
    {text, post, "/api/messages.csv", "weblog_csv_page", SEARCH " sort"},
    {json, get, "/api/messages/*", "weblog_message", "", false, 404},
    {json, get, "/api/stats", "weblog_stats", FILTER},
    {json, post, "/api/stats/search", "weblog_stats", SEARCH},
    {json, get, "/api/volumes", "weblog_volumes", FILTER " zone"},
    {json, post, "/api/volumes/search", "weblog_volumes", SEARCH " zone"},
    {json, get, "/api/alerts", "weblog_alerts", "", false, 200, true},
    {json, get, "/api/campaigns", "weblog_campaigns", "campaign limit cursor"},
    {json, get, "/api/rejected", "weblog_rejected", "id limit cursor"},
    {json, get, "/api/attached", "weblog_attached"},
    {json, get, "/api/health", "weblog_health", "", false, 200, true},
    {json, post, "/api/refresh", "weblog_refresh", "message_ids", true},
    {json, post, "/api/refresh-pending", "weblog_refresh_pending", SEARCH " limit", true},
    {json, post, "/api/refresh/progress", "weblog_refresh_progress", "message_ids since", false, 200, true},
    {json, post, "/api/rejected/replay", "weblog_replay", "ids", true},
    // Of older clients.
    {json, get, "/api/whatsapp/stats", "weblog_stats", FILTER},
    {json, get, "/api/whatsapp/message_details/*", "weblog_message", "", false, 404},
    {json, post, "/api/whatsapp/refresh_status", "weblog_refresh", "message_sid", true},
    {json, post, "/api/whatsapp/refresh_all_statuses", "weblog_refresh_pending", SEARCH " limit", true},
};

bool is_member(const Route &route, std::string_view name) {
    std::string_view rest = route.members;
    while (!rest.empty()) {
        if (cut(rest, " ") == name)
            return true;
    }
    return false;
}

std::string unknown_parameter(const Route &route, const std::string &name) {
    if (name == "recipient" || name == "text")
        return "Whom a search names must not stand in an address: send it as JSON, with POST.";
    return *route.members == '\0' ? "There are no parameters here."
                                  : std::string("Unknown parameter; there are: ") + route.members + ".";
}

std::optional<std::string> read_query(const Route &route, std::string_view query, std::string &parameters) {
    std::map<std::string, std::vector<std::string>> given;
    while (!query.empty()) {
        std::string_view value = cut(query, "&");
        const std::string_view encoded_name = cut(value, "=");
        std::string name, decoded;
        if (!append_percent_decoded(encoded_name, name) || !append_percent_decoded(value, decoded) ||
            !is_utf8(decoded) || decoded.find('\0') != std::string::npos)
            return "The query is no text in UTF-8.";
        if (name.empty() && decoded.empty())
            continue;
        if (!is_member(route, name))
            return unknown_parameter(route, name);
        given[name].push_back(decoded);
    }
    for (const auto &[name, values] : given) {
        std::string list;
        for (const std::string &value : values)
            list.append(list.empty() ? "" : ",").append(json_string(value));
        parameters.append(parameters.size() > 1 ? "," : "").append(json_string(name)).append(":");
        parameters.append(values.size() == 1 ? list : "[" + list + "]");
    }
    return std::nullopt;
}

std::optional<std::string> read_body(const Route &route, const std::string &body, std::string &parameters) {
    rapidjson::Document document;
    constexpr unsigned flags =
        rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag; // as deep as it comes
    document.Parse<flags>(body.data(), body.size());
    if (document.HasParseError() || !document.IsObject())
        return "The body must be a JSON object.";
    for (const auto &member : document.GetObject()) {
        const std::string name(member.name.GetString(), member.name.GetStringLength());
        if (!is_member(route, name))
            return unknown_parameter(route, name);
    }
    parameters = body;
    return std::nullopt;
}

} // namespace

std::span<const Route> routes() {
    return table;
}

const Route *find_route(boost::beast::http::verb method, std::string_view path, std::string &allowed) {
    const auto wanted = method == head ? get : method;
    // The exact ones first.
    for (const bool exact : {true, false}) {
        for (const Route &route : routes()) {
            const std::string_view start = route.path.substr(0, route.path.size() - 1);
            const bool matches =
                exact ? path == route.path && !path.empty()
                      : route.path.ends_with('*') && path.size() > start.size() && path.starts_with(start) &&
                            (route.kind == asset || path.find('/', start.size()) == std::string_view::npos);
            if (!matches)
                continue;
            // What looks like data is not asked for in part.
            if (route.method == wanted && (method != head || route.kind == page || route.kind == asset))
                return &route;
            allowed += allowed.empty() ? "" : ", ";
            allowed += route.method == post ? "POST" : "GET";
        }
        if (!allowed.empty())
            return nullptr;
    }
    return nullptr;
}

std::optional<std::string> decode_segment(std::string_view text) {
    std::string out;
    while (!text.empty()) { // here a + is itself
        const std::size_t plus = std::min(text.find('+'), text.size());
        if (!append_percent_decoded(text.substr(0, plus), out))
            return std::nullopt;
        out.append(plus < text.size() ? "+" : "");
        text.remove_prefix(std::min(plus + 1, text.size()));
    }
    if (!is_utf8(out) || out.find('\0') != std::string::npos)
        return std::nullopt;
    return out;
}

std::optional<std::string> read_parameters(const Route &route, const Request &request, std::string &parameters) {
    parameters = "{";
    if (route.method == post) {
        if (!request.query().empty())
            return "The parameters belong into the body.";
        return read_body(route, request.body.text(), parameters);
    }
    if (route.path.ends_with('*')) {
        const std::optional<std::string> id = decode_segment(request.path().substr(route.path.size() - 1));
        if (!id)
            return "The address is no text in UTF-8.";
        parameters += "\"id\":" + json_string(*id);
    }
    if (const auto problem = read_query(route, request.query(), parameters))
        return problem;
    parameters += "}";
    return std::nullopt;
}

} // namespace msgstatus::receiver
