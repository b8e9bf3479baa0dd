// What is done beside the requests: the worker reports itself, and asks for stuck messages.
#pragma once

#include <string>

#include "refresh/database.hpp"
#include "refresh/shared.hpp"

namespace msgstatus::refresh {

class Keeper {
public:
    Keeper(Shared &shared, std::string name);

    /// Works until the program is to end, and reports that, too.
    void run();

    /// Reports the state and asks for stuck messages, once.
    /// @throws DatabaseError
    void keep();

    /// Prints the requests that are due now.
    /// @throws DatabaseError
    void print_due();

private:
    void report(const char *state, const std::string &detail);
    void ask_for_stuck();

    Shared &shared_;
    std::string name_;
    Database database_;
    Clock::time_point next_stuck_{};
};

/// Returns the name of this process in the database.
std::string worker_name();

} // namespace msgstatus::refresh
