#include "console/assets.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace msgstatus::receiver {
namespace {

std::string_view content_type(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> types{{
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webmanifest", "application/manifest+json"},
    }};
    const auto *const found =
        std::find_if(types.begin(), types.end(), [&](const auto &type) { return name.ends_with(type.first); });
    return found == types.end() ? "application/octet-stream" : found->second;
}

} // namespace

Answer asset_answer(std::string_view name, const Request &request) {
    const auto all = assets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Asset &asset) { return asset.name == name; });
    if (found == all.end())
        return error_answer(404, "There is no such file.");
    const std::string_view accepted = request.browser.accept_encoding;
    const bool gzip =
        accepted.find("gzip") != std::string_view::npos && accepted.find("gzip;q=0") == std::string_view::npos;
    const std::string tag = "\"" + std::string(found->hash) + (gzip ? "-gzip" : "") + "\"";
    Answer answer;
    // They change with the program, at the same addresses: the browser keeps them, and asks whether they are as they
    // were.
    answer.headers = "Cache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: " + tag + "\r\n";
    if (request.browser.if_none_match.find(tag) != std::string_view::npos) {
        answer.status = 304;
        return answer;
    }
    if (gzip)
        answer.headers += "Content-Encoding: gzip\r\n";
    answer.content_type = content_type(name);
    answer.body = gzip ? found->gzipped : found->content;
    return answer;
}

} // namespace msgstatus::receiver
