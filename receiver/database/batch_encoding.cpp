#include "database/batch_encoding.hpp"

#include "config/units.hpp"

namespace msgstatus::receiver {
namespace {

constexpr char jsonb_version = 1;
constexpr std::size_t most_kept_bytes = 4 * mebibyte;

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

} // namespace

void append_int32(std::string &out, std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    const char bytes[4] = {static_cast<char>(bits >> 24), static_cast<char>(bits >> 16), static_cast<char>(bits >> 8),
                           static_cast<char>(bits)};
    out.append(bytes, sizeof bytes);
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
    begin_array(bodies_, oid_jsonb, jobs.size());
    begin_array(times_, oid_timestamptz, jobs.size());
    begin_array(sources_, oid_text, jobs.size());
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

} // namespace msgstatus::receiver
