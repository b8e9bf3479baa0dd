// The statements that merge changes into the table `message`.
#pragma once

#include "core/last_change.hpp"
#include "message/message_change.hpp"

namespace msgstatus {

// The columns of `message` that webhooks and imports fill, besides the key, the status and the times. One bit for each;
// the bits of the first seven are also those of the column `registered`.
enum MessageColumn : std::uint32_t {
    column_provider = 1U << 0,
    column_direction = 1U << 1,
    column_sender = 1U << 2,
    column_recipient = 1U << 3,
    column_message_type = 1U << 4,
    column_content = 1U << 5,
    column_media_url = 1U << 6,
    column_price = 1U << 7,
    column_price_unit = 1U << 8,
    column_num_segments = 1U << 9,
    column_pricing_category = 1U << 10,
    column_billable = 1U << 11,
    column_error = 1U << 12, // all four
    column_campaign_id = 1U << 13,
    column_metadata = 1U << 14,
};

inline constexpr std::uint32_t all_message_columns = (1U << 15) - 1;

// columns_of returns the columns for which a change holds a value.
std::uint32_t columns_of(const MessageChange &change);

// The statements for changes that hold no value outside some columns. The fewer columns, the less there is to set up
// for each call, which is most of the cost of a small one. Those that write return the columns written_message reads.
struct MessageStatements {
    // Merges an array of changes, in their order, apart from those that would change nothing.
    const char *merge;
    // The same, where most messages are new and all changes are received at the time of the change: it looks at a
    // message only where it meets one, which it then locks.
    const char *merge_new;
    // The others take one change, its columns as parameters: setting up the scan of an array, the look and the conflict
    // in one statement would be most of the cost of a call with one status.
    //
    // Tells of the message's row, if there is one: would the change change anything, would it change a column besides
    // the status and the times, and which transaction wrote the row.
    const char *look_at_one;
    // Merges it into the row if that is still as the transaction wrote it that is one more parameter.
    const char *update_one;
    // Merges it, whether or not the message is there.
    const char *merge_one;
};

// message_statements returns their texts, palloc'd in the current context.
MessageStatements message_statements(std::uint32_t columns);

} // namespace msgstatus
