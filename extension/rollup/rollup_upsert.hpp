// The statements that add rows of counters to the rollups.
#pragma once

#include "core/delay_histogram.hpp"
#include "core/delivery_state.hpp"
#include "message/written_message.hpp"

namespace msgstatus {

// The counters of a row, in the order of the columns of the type rollup_row.
enum RollupCounter : std::uint8_t {
    counter_messages,
    counter_sent,
    counter_in_state, // the first of sixteen
};
inline constexpr std::size_t counter_count = counter_in_state + state_count;

enum RollupDelay : std::uint8_t { delay_delivery, delay_reading, delay_failure };
inline constexpr std::size_t delay_count = 3;

// What is added to one row of a rollup; which columns of the key are used is up to the rollup.
struct RollupRow {
    EventTime hour = 0;
    const Counted *key = nullptr;
    Text business;
    std::array<std::int32_t, counter_count> counters{};
    // Null where no delay was counted.
    std::array<DelayHistogram *, delay_count> delays{};
    std::int64_t recipients = 0;

    bool changes_nothing() const;
};

// Each adds the rows, sorted by key and distinct. Whoever writes to several rollups does so in this order.
void add_to_message_rollup(std::span<const RollupRow> rows);
void add_to_failure_rollup(std::span<const RollupRow> rows);

} // namespace msgstatus
