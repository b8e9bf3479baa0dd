// Webhook bodies as Meta sends them.
#pragma once

#include "workload.hpp"

#include <span>
#include <string>

namespace bench {

// Returns one envelope with the given statuses.
std::string webhook_body(std::span<const Status> statuses);

// Returns the value of X-Hub-Signature-256 for a body.
std::string signature_of(const std::string &body, const std::string &secret);

// Writes bodies of `per_body` statuses, one a line, to `parts` files `path`.0, `path`.1, ... in turn. With
// a secret each line begins with the value of X-Hub-Signature-256 and a space. Throws std::runtime_error.
void write_bodies(std::span<const Status> statuses, std::size_t per_body, const std::string &path, std::size_t parts,
                  const std::string &secret);

// Writes the same statuses to standard output as rows for COPY: number of the status, message_id, provider,
// direction, sender, recipient, state, event_time, pricing_category, billable, detail, fingerprint. `first` is the
// first number.
void write_rows(std::span<const Status> statuses, std::uint64_t first);

} // namespace bench
