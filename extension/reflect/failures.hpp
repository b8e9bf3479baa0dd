// The rows of attached_table_failure.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

// The messages that could not be reflected in a table, and why.
class ReflectionFailures {
public:
    // Takes in a message, in the order of ids.
    void add(Text message_id, const ErrorData &error);
    bool contains(Text message_id) const;
    std::size_t size() const { return failures_.size(); }

    // Writes them down; within SPI, and as the owner of the tables.
    void write(int table_id) const;

private:
    struct Failure {
        Text message_id;
        const ErrorData *error = nullptr;
    };
    Vector<Failure> failures_;
};

// Returns those of the messages that are written down, in the order of ids.
Vector<Text> known_failures(int table_id, const Vector<Text> &message_ids);

// Deletes what is written down of these messages.
void forget_failures(int table_id, const Vector<Text> &message_ids);

} // namespace msgstatus
