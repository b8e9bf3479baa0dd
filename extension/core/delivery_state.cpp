#include "core/delivery_state.hpp"

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

constexpr std::array<std::string_view, state_count> names{
    "processing",          "received", "pending",  "scheduled", "accepted",    "queued",    "sending", "sent",
    "partially_delivered", "skipped",  "canceled", "failed",    "undelivered", "delivered", "read",    "played",
};

struct Synonym {
    std::string_view label;
    DeliveryState state;
};

constexpr std::array synonyms{
    Synonym{"enqueued", DeliveryState::queued},      Synonym{"submitted", DeliveryState::queued},
    Synonym{"dispatched", DeliveryState::sent},      Synonym{"cancelled", DeliveryState::canceled},
    Synonym{"receiving", DeliveryState::processing},
};

} // namespace

std::string_view state_name(DeliveryState state) noexcept {
    return names[index_of(state)];
}

std::optional<DeliveryState> parse_state(std::string_view label) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (equals_ignoring_case(label, names[i]))
            return static_cast<DeliveryState>(i);
    for (const Synonym &synonym : synonyms)
        if (equals_ignoring_case(label, synonym.label))
            return synonym.state;
    return std::nullopt;
}

} // namespace msgstatus
