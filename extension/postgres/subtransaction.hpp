// Runs code whose failure must not fail the call.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace msgstatus {

// Calls body() in a subtransaction. Returns nullptr on success, else the error, allocated in the current memory
// context. After an error everything is rolled back, including the user id, settings and SPI.
template <typename Body>
ErrorData *attempt(Body body) {
    const MemoryContext context = CurrentMemoryContext;
    const ResourceOwner owner = CurrentResourceOwner;
    ErrorData *volatile error = nullptr;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        body();
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return error;
}

// Calls body() in a subtransaction, and undoes what it did, the locks included, where it returns false. Returns whether
// it was kept. Raises what body() raises.
template <typename Body>
bool attempt_or_undo(Body body) {
    // In memory that an error does not take along: what a local variable holds is not to be relied upon after one.
    auto *is_undone = static_cast<bool *>(palloc0(sizeof(bool)));
    ErrorData *error = attempt([&] {
        if (body())
            return;
        *is_undone = true;
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("undone")));
    });
    if (error != nullptr && !*is_undone)
        ReThrowError(error);
    return error == nullptr;
}

} // namespace msgstatus
