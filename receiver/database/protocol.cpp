#include "database/protocol.hpp"

#include <algorithm>

namespace msgstatus::receiver {
namespace {

constexpr char jsonb_version = 1;
constexpr std::size_t most_kept_bytes = mebibyte;
constexpr int count_columns = 5;

void begin_array(std::string &out, unsigned element_type, std::size_t size) {
    if (out.capacity() > most_kept_bytes)
        std::string().swap(out); // an unusual batch should not cost memory for ever
    out.clear();
    append_int32(out, 1); // dimensions
    append_int32(out, 0); // has no NULL
    append_int32(out, static_cast<std::int32_t>(element_type));
    append_int32(out, static_cast<std::int32_t>(size));
    append_int32(out, 1); // lower bound
}

// Returns the name as a role's, within a string literal.
std::string quoted_role(std::string_view role) {
    const bool is_plain = std::all_of(
        role.begin(), role.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    std::string name;
    for (const char c : role)
        name.append(c == '"' || c == '\'' ? 2 : 1, c);
    return is_plain ? name : '"' + name + '"';
}

} // namespace

void append_int32(std::string &out, std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    for (const int shift : {24, 16, 8, 0})
        out.push_back(static_cast<char>(bits >> shift));
}

void append_int64(std::string &out, std::int64_t value) {
    append_int32(out, static_cast<std::int32_t>(value >> 32));
    append_int32(out, static_cast<std::int32_t>(value & 0xffffffff));
}

std::int32_t read_int32(const char *bytes) noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < 4; ++i)
        bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
    return static_cast<std::int32_t>(bits);
}

void BatchParameters::encode(std::span<const Job> jobs) {
    std::size_t bytes = 0;
    for (const Job &job : jobs)
        bytes += job.body.text().size() + 5;
    begin_array(bodies_, oid_jsonb, jobs.size());
    begin_array(times_, oid_timestamptz, jobs.size());
    begin_array(sources_, oid_text, jobs.size());
    bodies_.reserve(bodies_.size() + bytes);
    for (const Job &job : jobs) {
        const std::string &text = job.body.text();
        append_int32(bodies_, static_cast<std::int32_t>(text.size() + 1));
        bodies_.push_back(jsonb_version);
        bodies_.append(text);
        append_int32(times_, 8);
        append_int64(times_, job.received_at);
        append_int32(sources_, static_cast<std::int32_t>(job.source.size()));
        sources_.append(job.source);
    }
}

std::optional<std::vector<BatchCounts>> read_counts(const PgResult &result, std::size_t webhooks) {
    if (static_cast<std::size_t>(PQntuples(result.get())) != webhooks || PQnfields(result.get()) != count_columns)
        return std::nullopt;
    std::vector<BatchCounts> counts(webhooks);
    for (std::size_t row = 0; row < webhooks; ++row) {
        BatchCounts &c = counts[row];
        int column = 0;
        for (std::int32_t *count : {&c.received, &c.applied, &c.unchanged, &c.rejected, &c.ignored}) {
            // A NULL has no length.
            if (PQgetlength(result.get(), static_cast<int>(row), column) != 4)
                return std::nullopt;
            *count = read_int32(PQgetvalue(result.get(), static_cast<int>(row), column++));
            if (*count < 0)
                return std::nullopt;
        }
    }
    return counts;
}

Failure classify_failure(std::string_view sqlstate) noexcept {
    const std::string_view kind = sqlstate.substr(0, 2);
    if (sqlstate.empty() || kind == "08" || kind == "53" || sqlstate.starts_with("57P") ||
        sqlstate == "25006"     // read-only: a standby, or a server that shall take nothing
        || sqlstate == "26000"  // our prepared statement is gone (DISCARD ALL, a pooler)
        || sqlstate == "0A000"  // cached plan must not change result type: the extension was updated
        || sqlstate == "58030") // I/O error
        return Failure::unavailable;
    if (kind == "22" || kind == "54")
        return Failure::data;
    if (kind == "40")
        return Failure::conflict;
    return Failure::other;
}

std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role) {
    if (sqlstate == "3F000" || sqlstate == "42883" || sqlstate == "42P01")
        return "Run: CREATE EXTENSION msgstatus; SELECT msgstatus.install();";
    if (sqlstate == "55000")
        return server_hint.empty() ? "Run: SELECT msgstatus.install();" : std::string(server_hint);
    if (sqlstate == "42501")
        return "Run: SELECT msgstatus.grant_access('" + quoted_role(role) + "', 'ingest');";
    return {};
}

} // namespace msgstatus::receiver
