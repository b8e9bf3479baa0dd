// Whose incoming messages are stored without their texts and media; see keep_content.
#pragma once

#include "postgres/json.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

class ContentSettings {
public:
    // keeps returns whether the content of the provider's incoming messages is stored. The first call reads the table,
    // with everything committed so far, so a setting holds in every backend from its next call that brings an incoming
    // message. Reading it each time costs less than a cache that would have to be invalidated: the table has a few
    // rows.
    bool keeps(std::string_view provider);

    // keeps_all returns whether no provider's content is left out.
    bool keeps_all();

private:
    void read();

    bool is_read_ = false;
    Vector<std::string_view> left_out_;
};

// without_content returns what identifies an incoming message: nothing of it that a person may have written.
Json without_content(const Json &message);

} // namespace msgstatus
