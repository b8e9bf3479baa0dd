// Decides whether the texts and media of incoming messages are stored; see keep_content.
#pragma once

#include "postgres/json.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

class ContentSettings {
public:
    // Returns whether the content of the provider's incoming messages is stored. The first call reads the table,
    // including everything committed so far, so a setting takes effect in every backend from its next call with an
    // incoming message. Reading the few rows each time is cheaper than a cache that must be invalidated.
    bool keeps(std::string_view provider);

    // Returns whether the content of every provider is stored.
    bool keeps_all();

private:
    void read();

    bool is_read_ = false;
    Vector<std::string_view> left_out_;
};

// Returns the members that identify an incoming message, without any text that a person may have written.
Json without_content(const Json &message);

} // namespace msgstatus
