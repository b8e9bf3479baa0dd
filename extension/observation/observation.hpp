// What was observed of a message, on its way from a webhook or an imported row to the tables.
#pragma once

#include "core/status.hpp"
#include "postgres/json.hpp"
#include "postgres/vector.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace msgstatus {

struct ErrorInfo {
    std::optional<int> code;
    Text title;
    Text details;

    bool any() const { return code || !title.empty() || !details.empty(); }
};

// What a status object says about the message itself, beyond its state.
struct MessageFacts {
    Text provider;
    Text direction;
    Text sender;
    Text recipient;
    Text message_type;
    Text content;
    Text media_url;
    Numeric price = nullptr;
    Text price_unit;
    std::optional<int> num_segments;
    Text pricing_category;
    std::optional<bool> billable;
    // What no webhook says, and imported tables do.
    const pg_uuid_t *campaign_id = nullptr;
    Jsonb *metadata = nullptr; // an object
    std::optional<EventTime> created_at;
};

// "Message M was seen in state S at time T", with what came along.
struct Observation {
    Text message_id;
    // Another id of the same message, where the report names both. No part of the observation's identity.
    Text alias;
    DeliveryState state = DeliveryState::processing;
    EventTime event_time = 0;
    EventTime received_at = 0;
    // The time is that of receipt, because the provider gave none that can be true.
    bool time_of_receipt = false;
    Text source;
    Text participant;
    ErrorInfo error;
    Jsonb *detail = nullptr;
    MessageFacts facts;

    // The status object it was read from, an index into Batch::objects.
    std::uint32_t object = 0;
    // Why its alias was not learnt, and the error, if the tables raised one; nullptr otherwise.
    const char *refusal = nullptr;
    const char *refusal_error = nullptr;
    // Tells observations apart; set by fingerprint_of.
    std::int64_t fingerprint = 0;
    // Tells what repetitions of an observation say otherwise apart; set by digest_of.
    std::int32_t digest = 0;
    // It was not in the trail yet; set when it is applied.
    bool is_new = false;
    // It was, but with other content or a later receipt; set when it is applied.
    bool differs = false;
};

} // namespace msgstatus
