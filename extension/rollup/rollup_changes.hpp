// The rollups: what a call changes of them, as sums of what its messages counted before and count now.
#pragma once

#include "message/written_message.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

// One message's part in the rollups, added or taken away.
struct Contribution {
    EventTime hour = 0;
    const Counted *counted = nullptr;
    // The business: of an inbound message the recipient.
    Text business;
    int sign = 0;
};

class RollupChanges {
public:
    RollupChanges() = default;
    // With a context to keep them in, changes may outlive the messages they were read from.
    explicit RollupChanges(MemoryContext kept_in) : kept_in_(kept_in) {}

    // Takes in what a write changed. It must live until write(), unless changes are kept.
    void add(const WrittenMessage &message);

    // Takes in that a message was deleted. As add().
    void remove(const Counted &counted) { contribute(counted, -1); }

    std::size_t size() const { return contributions_.size(); }

    // Forgets the changes from this size on, which were undone.
    void truncate(std::size_t size) { contributions_.truncate(size); }

    // Adds the changes to the rollups, within SPI and as the owner of the tables, and forgets them.
    void write();

private:
    void contribute(const Counted &counted, int sign);
    void push(const Counted &counted, int sign);

    MemoryContext kept_in_ = nullptr;
    Vector<Contribution> contributions_;
};

} // namespace msgstatus
