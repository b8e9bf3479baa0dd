#include "rollup/rollup_changes.hpp"

#include <cstring>
#include <new>

#include "core/delays.hpp"
#include "install/settings.hpp"
#include "rollup/rollup_upsert.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace msgstatus {
namespace {

constexpr EventTime microseconds_of_hour = USECS_PER_HOUR;

EventTime hour_of(EventTime time) {
    EventTime hour = time / microseconds_of_hour * microseconds_of_hour;
    return hour > time ? hour - microseconds_of_hour : hour; // before the year 2000
}

template <typename T>
int compare_values(const T &a, const T &b) {
    return a < b ? -1 : b < a;
}

// An absent text differs from every other; none is empty.
int compare_combination(const Contribution &a, const Contribution &b) {
    const Counted &x = *a.counted;
    const Counted &y = *b.counted;
    if (const int c = compare_values(a.hour, b.hour); c != 0)
        return c;
    if (const int c = x.provider.compare(y.provider); c != 0)
        return c;
    if (const int c = a.business.compare(b.business); c != 0)
        return c;
    if (const int c = x.message_type.compare(y.message_type); c != 0)
        return c;
    if (const int c = x.direction.compare(y.direction); c != 0)
        return c;
    if (x.campaign_id == nullptr || y.campaign_id == nullptr)
        return compare_values(x.campaign_id != nullptr, y.campaign_id != nullptr);
    return std::memcmp(x.campaign_id->data, y.campaign_id->data, UUID_LEN);
}

int compare_failure(const Contribution &a, const Contribution &b) {
    if (const int c = compare_values(a.hour, b.hour); c != 0)
        return c;
    if (const int c = a.counted->provider.compare(b.counted->provider); c != 0)
        return c;
    return compare_values(a.counted->error_code, b.counted->error_code);
}

// The direction alone tells: readers of webhooks set it by the state where a provider does not name it.
bool is_inbound(const Counted &counted) {
    return counted.direction == "inbound";
}

bool has_failed(const Counted &counted) {
    const auto now = state(counted.status);
    return now && is_failure(*now) && !is_inbound(counted);
}

// palloc aligns to 8 bytes, and the histogram's sum has 16.
DelayHistogram *new_histogram() {
    static_assert(std::is_trivially_destructible_v<DelayHistogram>);
    void *memory = palloc(sizeof(DelayHistogram) + alignof(DelayHistogram));
    return new (reinterpret_cast<void *>(TYPEALIGN(alignof(DelayHistogram), memory))) DelayHistogram;
}

void count_delay(RollupRow &row, RollupDelay which, std::optional<Delay> delay, int sign) {
    if (!delay)
        return;
    DelayHistogram *&histogram = row.delays[which];
    if (histogram == nullptr)
        histogram = new_histogram();
    (void)histogram->add(*delay, sign); // its limit is beyond what one call can count
}

// The hash is 40 bits of PostgreSQL's hashtextextended, by which recount_messages and count_recipients sum, too;
// test/pgtap/rollup_states.sql compares them.
std::int64_t hash_of_recipient(const Counted &counted) {
    if (counted.recipient.empty())
        return 0;
    const auto *bytes = reinterpret_cast<const unsigned char *>(counted.recipient.data());
    const std::uint64_t hash = DatumGetUInt64(hash_any_extended(bytes, static_cast<int>(counted.recipient.size()), 0));
    return static_cast<std::int64_t>(hash & ((std::uint64_t{1} << 40) - 1));
}

void count_message(RollupRow &row, const Contribution &c) {
    const Status &status = c.counted->status;
    row.counters[counter_messages] += c.sign;
    if (const auto now = state(status))
        row.counters[counter_in_state + index_of(*now)] += c.sign;
    // An inbound message has no outcome.
    if (is_inbound(*c.counted))
        return;
    if (reached_at(status, DeliveryState::sent))
        row.counters[counter_sent] += c.sign;
    count_delay(row, delay_delivery, delivery_delay(status), c.sign);
    count_delay(row, delay_reading, read_delay(status), c.sign);
    count_delay(row, delay_failure, failure_delay(status), c.sign);
    row.recipients += c.sign * hash_of_recipient(*c.counted);
}

void count_failure(RollupRow &row, const Contribution &c) {
    if (has_failed(*c.counted))
        row.counters[counter_messages] += c.sign;
}

// Sorts the contributions by a key and sums those of each key that change something.
template <typename Compare, typename Count>
Vector<RollupRow> sum_by(Vector<Contribution> &contributions, Compare compare, Count count) {
    std::sort(contributions.begin(), contributions.end(),
              [&](const Contribution &a, const Contribution &b) { return compare(a, b) < 0; });
    Vector<RollupRow> rows;
    const Contribution *first = nullptr;
    for (const Contribution &c : contributions) {
        if (first == nullptr || compare(*first, c) != 0) {
            if (!rows.empty() && rows.back().changes_nothing())
                rows.truncate(rows.size() - 1);
            first = &c;
            RollupRow row;
            row.hour = c.hour;
            row.key = c.counted;
            row.business = c.business;
            rows.push(row);
        }
        count(rows.back(), c);
    }
    if (!rows.empty() && rows.back().changes_nothing())
        rows.truncate(rows.size() - 1);
    return rows;
}

void add_to_rollups(Vector<Contribution> &contributions) {
    const Vector<RollupRow> combinations = sum_by(contributions, compare_combination, count_message);
    if (!combinations.empty())
        add_to_message_rollup({combinations.begin(), combinations.size()});
    const bool any_failure = std::any_of(contributions.begin(), contributions.end(),
                                         [](const Contribution &c) { return has_failed(*c.counted); });
    if (!any_failure)
        return;
    const Vector<RollupRow> failures = sum_by(contributions, compare_failure, count_failure);
    if (!failures.empty())
        add_to_failure_rollup({failures.begin(), failures.size()});
}

Text copy_of(Text text) {
    if (text.empty())
        return {};
    auto *copy = static_cast<char *>(palloc(text.size()));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

const Counted &copy_of(const Counted &counted) {
    auto *copy = new (palloc(sizeof(Counted))) Counted(counted);
    for (Text *text : {&copy->provider, &copy->sender, &copy->recipient, &copy->message_type, &copy->direction})
        *text = copy_of(*text);
    if (counted.campaign_id != nullptr)
        copy->campaign_id = new (palloc(sizeof(pg_uuid_t))) pg_uuid_t(*counted.campaign_id);
    return *copy;
}

} // namespace

void RollupChanges::contribute(const Counted &counted, int sign) {
    if (kept_in_ == nullptr)
        return push(counted, sign);
    const MemoryContext caller = MemoryContextSwitchTo(kept_in_);
    push(copy_of(counted), sign);
    MemoryContextSwitchTo(caller);
}

void RollupChanges::push(const Counted &counted, int sign) {
    Contribution c;
    c.hour = hour_of(counted.created_at);
    c.counted = &counted;
    c.business = is_inbound(counted) ? counted.recipient : counted.sender;
    c.sign = sign;
    contributions_.push(c);
}

void RollupChanges::add(const WrittenMessage &message) {
    if (!message.is_inserted()) {
        if (message.added_states() == 0 && !message.replaced)
            return;
        contribute(message.before, -1);
    }
    contribute(message.after, 1);
}

void RollupChanges::write() {
    if (!contributions_.empty() && rollups_are_on())
        add_to_rollups(contributions_);
    contributions_ = {};
    if (kept_in_ != nullptr)
        MemoryContextReset(kept_in_);
}

} // namespace msgstatus
