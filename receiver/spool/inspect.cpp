#include "spool/inspect.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <iomanip>
#include <sstream>

#include "spool/content_mask.hpp"
#include "spool/spool_reader.hpp"

namespace msgstatus::receiver {
namespace {

constexpr std::int64_t microseconds = 1'000'000;
constexpr int name_width = 12;
constexpr int number_width = 12;
constexpr int time_width = 20;

// time_text does write a time as ISO 8601 in UTC, to the second.
std::string time_text(std::int64_t since_2000) {
    constexpr std::time_t from_1970_to_2000 = 946'684'800;
    const std::time_t time = static_cast<std::time_t>(since_2000 / microseconds) + from_1970_to_2000;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void write_sources(std::ostream &out, const std::vector<SpoolSource> &sources) {
    out << '\n'
        << std::left << std::setw(name_width) << "source" << std::right << std::setw(number_width) << "webhooks"
        << std::setw(number_width) << "bytes"
        << "  oldest\n";
    for (const SpoolSource &source : sources)
        out << std::left << std::setw(name_width) << source.name << std::right << std::setw(number_width)
            << source.bodies << std::setw(number_width) << source.bytes << "  " << time_text(source.oldest) << '\n';
}

void write_first(std::ostream &out, SpoolReader &reader, std::size_t most, bool content) {
    out << '\n'
        << std::setw(number_width) << "id"
        << "  " << std::left << std::setw(time_width) << "received"
        << "  " << std::setw(name_width) << "source" << std::right << std::setw(number_width) << "bytes" << '\n';
    reader.first(most, [&](std::int64_t id, const SpoolItem &item) {
        out << std::setw(number_width) << id << "  " << time_text(item.received_at) << "  " << std::left
            << std::setw(name_width) << item.source << std::right << std::setw(number_width) << item.body.size()
            << '\n';
        if (content)
            out << "    " << mask_content(item.body) << '\n';
    });
}

} // namespace

std::string inspect_spool(const InspectOptions &options, std::int64_t now) {
    SpoolReader reader(options.directory);
    const std::vector<SpoolSource> sources = reader.sources();
    std::int64_t bodies = 0;
    std::int64_t oldest = now;
    for (const SpoolSource &source : sources) {
        bodies += source.bodies;
        oldest = std::min(oldest, source.oldest);
    }
    std::ostringstream out;
    out << "directory   " << options.directory << '\n'
        << "in use      " << (reader.is_in_use() ? "yes" : "no") << '\n'
        << "webhooks    " << bodies << '\n'
        << "bytes       " << reader.file_bytes() << '\n';
    if (bodies > 0) {
        out << "oldest      " << time_text(oldest) << ", " << (now - oldest) / microseconds << " s ago\n";
        write_sources(out, sources);
    }
    if (bodies > 0 && options.list > 0)
        write_first(out, reader, options.list, options.content);
    return out.str();
}

} // namespace msgstatus::receiver
