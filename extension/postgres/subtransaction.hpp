// Something that may fail without failing the call.
#pragma once

#include "postgres/postgres.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace msgstatus {

// attempt calls body() in a subtransaction. It returns nullptr where that went well, and otherwise the error, in the
// current memory context, after everything that was done is undone: the user id, settings and SPI included.
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

} // namespace msgstatus
