// The one table of routes, and what a request asks of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>

#include "http/request.hpp"

namespace msgstatus::receiver {

enum class RouteKind : std::uint8_t {
    none,  ///< no such route, or a request that is not understood
    page,  ///< index.html, whatever follows
    asset, ///< a file of the page
    json,  ///< what a SQL function returns
    text,  ///< pages of lines that a SQL function returns, one after the other
    login,
    logout,
};

/// A route: everything there is to know of it. What a function does with its parameters is SQL's affair.
struct Route {
    RouteKind kind;
    boost::beast::http::verb method;
    std::string_view path;      ///< a `*` at its end: the rest is the parameter `id`, or the name of a file
    const char *function = "";  ///< in the schema msgstatus
    const char *members = "";   ///< parameters that it takes
    bool acts = false;          ///< it writes, for which a person needs the level operator
    unsigned when_null = 200;   ///< the status if the function returns NULL
    bool is_background = false; ///< the page asks by itself: it keeps nobody signed in
};

/// Returns the table. Its first entry stands for requests without a route.
std::span<const Route> routes();

/// Returns the route of a path and a method. If there is the path alone, its `Allow` goes to `allowed`.
/// @return nullptr if there is none
const Route *find_route(boost::beast::http::verb method, std::string_view path, std::string &allowed);

/// Makes the parameters of a route's function, one JSON object of texts and lists of texts, from the path and the query
/// or, of a POST, from the body.
/// @return what is wrong with them, if anything is
std::optional<std::string> read_parameters(const Route &route, const Request &request, std::string &parameters);

/// Decodes a part of a path; nothing if it is no UTF-8 text without NUL.
std::optional<std::string> decode_segment(std::string_view text);

} // namespace msgstatus::receiver
