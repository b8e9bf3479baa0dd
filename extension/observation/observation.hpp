// What is read out of webhooks, on its way to the tables.
#pragma once

#include "core/status.hpp"
#include "postgres/json.hpp"
#include "postgres/vector.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace msgstatus {

// An absent text has no data; an empty one is treated as absent throughout.
using Text = std::string_view;

// Limits of what is kept; beyond them the status object is rejected. An index entry of PostgreSQL takes about 2,700
// bytes at most, and no provider's id is longer than a fifth of the limit.
inline constexpr std::size_t max_message_id_size = 512;
inline constexpr std::size_t max_address_size = 256;
inline constexpr std::size_t max_label_size = 256;
inline constexpr std::size_t max_error_text_size = 8 * 1024;
inline constexpr std::size_t max_content_size = 256 * 1024;

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
    // Tells observations apart; set by fingerprint_of.
    std::int64_t fingerprint = 0;
    // Tells what repetitions of an observation say otherwise apart; set by digest_of.
    std::int32_t digest = 0;
    // It was not in the trail yet; set when it is applied.
    bool is_new = false;
    // It was, but with other content or a later receipt; set when it is applied.
    bool differs = false;
};

// A part of a webhook that could not be used.
struct Rejection {
    EventTime received_at = 0;
    Text source;
    Text provider;
    Text sender;
    const char *reason = nullptr;
    Json payload;
    std::uint32_t webhook = 0;
};

struct Counts {
    int received = 0;
    int applied = 0;
    int unchanged = 0;
    int rejected = 0;
    int ignored = 0;
};

// A status object that holds at least one observation.
struct StatusObject {
    std::uint32_t webhook = 0;
    bool applied = false;
    // It could be used, and yet is a dead letter: see reject_kept_out.
    bool rejected = false;
    // As in Rejection; absent where it was imported.
    Json payload;
    Text provider;
    Text business_address;
};

// Everything read out of the webhooks of one call.
struct Batch {
    Vector<Observation> observations;
    Vector<StatusObject> objects;
    Vector<Rejection> rejections;
    Vector<Counts> counts; // one for each webhook
};

// fingerprint_of returns a 64-bit number by which two observations are told apart: by message, state, participant,
// error code, and the time where it is the provider's. A time of receipt does not count: the same callback delivered
// twice is one observation. It is stored; PostgreSQL keeps its hash stable for the sake of hash partitioning.
std::int64_t fingerprint_of(const Observation &observation);

// digest_of returns a 32-bit number of everything else that was said: source, texts, detail and facts. By it a
// redelivery is told from a repetition that brings news.
std::int32_t digest_of(const Observation &observation);

} // namespace msgstatus
