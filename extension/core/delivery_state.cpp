#include "core/delivery_state.hpp"

#include "core/ascii.hpp"

namespace msgstatus {
namespace {

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
    return state_names[index_of(state)];
}

std::optional<DeliveryState> parse_state(std::string_view label) noexcept {
    for (std::size_t i = 0; i < state_names.size(); ++i)
        if (equals_ignoring_case(label, state_names[i]))
            return static_cast<DeliveryState>(i);
    for (const Synonym &synonym : synonyms)
        if (equals_ignoring_case(label, synonym.label))
            return synonym.state;
    return std::nullopt;
}

} // namespace msgstatus
