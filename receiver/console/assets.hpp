// The files of the page, which are part of the program.
#pragma once

#include <span>
#include <string_view>

#include "http/request.hpp"

namespace msgstatus::receiver {

struct Asset {
    std::string_view name; ///< below receiver/console/page, or `chart.js`
    std::string_view hash; ///< of its content
    std::string_view content;
    std::string_view gzipped;
};

/// Returns all of them. The build makes this function: embed.cmake.
std::span<const Asset> assets();

/// Returns a file, compressed where the client takes that; 304 if it has it already, 404 if there is none.
Answer asset_answer(std::string_view name, const Request &request);

} // namespace msgstatus::receiver
