// Everything that one call has read.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

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
    // It consists of dead letters.
    bool is_replay = false;
};

} // namespace msgstatus
