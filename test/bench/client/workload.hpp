// Which statuses are sent, in which order: the same in every run for the same number of messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class State : std::uint8_t { sent, delivered, read };

std::string_view name_of(State state);

// One status of one message.
struct Status {
    std::uint32_t message; // number of the message, from 0
    State state;
};

// The orders in which statuses can be sent. Each status occurs once, so each is new when the order is sent for the
// first time.
enum class Order {
    loaded,    // `sent` of every message
    updates,   // then `delivered` and `read` of every message, in two passes: no message occurs twice within a pass
    lifecycle, // all three of every message, shuffled: a message may occur several times in one call
};

// Returns the statuses [first, first + count) of an order over `messages` messages.
std::vector<Status> shuffled_statuses(Order order, std::uint32_t messages, std::uint64_t first, std::uint64_t count);

// Number of statuses in an order.
std::uint64_t size_of(Order order, std::uint32_t messages);

// Appends the id of a message: of the form and length of Meta's, base64 over the recipient and random digits.
void append_message_id(std::string &out, std::uint32_t message);

// Appends the recipient's number, 12 digits.
void append_recipient(std::string &out, std::uint32_t message);

// The provider's time of a status in unix seconds.
std::int64_t event_time(Status status);

// A number of its own for each status, which looks random.
std::int64_t fingerprint(Status status);

// Meta reports the price with `sent` and with one of the later statuses.
bool has_pricing(Status status);
std::string_view pricing_category(std::uint32_t message);
bool is_billable(std::uint32_t message);

// The business's own number, as Meta writes it.
inline constexpr std::string_view business_number = "15550001234";

} // namespace bench
