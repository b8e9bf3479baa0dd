// The rollups: what a call changes of them, as sums of what its messages counted before and count now.
#pragma once

#include "pg/vector.hpp"
#include "pg/written_message.hpp"

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
    // add takes in what a write changed. It must live until write().
    void add(const WrittenMessage &message);

    // write adds the changes to the rollups, within SPI and as the owner of the tables.
    void write();

private:
    void contribute(EventTime created_at, const Counted &counted, int sign);

    Vector<Contribution> contributions_;
};

} // namespace msgstatus
