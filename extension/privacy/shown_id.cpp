// Shows message ids in views: the id to roles that may read `message`, a stand-in to all others.
#include "postgres/postgres.hpp"

#include "install/installation.hpp"
#include "privacy/stand_in.hpp"
#include "privacy/viewer.hpp"

extern "C" {
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "utils/inval.h"
#include "utils/plancache.h"
#include "utils/syscache.h"
}

using namespace msgstatus;

namespace {

bool caller_sees_ids() {
    return may_read_all(find_installation().message_table, GetUserId());
}

void forget_plans(Datum, int, uint32) {
    ResetPlanCache();
}

// A plan that shows ids depends on the current role and on its memberships. PostgreSQL replans for another role, but
// not after a change of memberships.
void watch_memberships() {
    static bool watches = false;
    if (watches)
        return;
    CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_plans, 0);
    CacheRegisterSyscacheCallback(AUTHOID, forget_plans, 0);
    watches = true;
}

} // namespace

// Returns the message id (argument 2) if the caller may read `message`, else its stand-in, made with the key (argument
// 1). Raises 55000 if install() was not called.
MSGSTATUS_FUNCTION(shown_id) {
    if (caller_sees_ids())
        PG_RETURN_DATUM(PG_GETARG_DATUM(1));
    PG_RETURN_TEXT_P(stand_in_of(view_of(PG_GETARG_BYTEA_PP(0)), view_of(PG_GETARG_TEXT_PP(1))));
}

// Lets the planner replace a call of shown_id by the id itself if the caller may see ids, so that a search for an id
// uses its index. For other callers the call stays: the planner then knows none of its values, so the estimates that
// EXPLAIN shows reveal nothing of the ids.
MSGSTATUS_FUNCTION(shown_id_support) {
    Node *request = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
    if (!IsA(request, SupportRequestSimplify))
        PG_RETURN_POINTER(nullptr);
    const auto *simplify = reinterpret_cast<SupportRequestSimplify *>(request);
    if (simplify->root == nullptr || simplify->root->glob == nullptr)
        PG_RETURN_POINTER(nullptr);
    watch_memberships();
    // Makes PostgreSQL replan for another role.
    simplify->root->glob->dependsOnRole = true;
    if (!caller_sees_ids())
        PG_RETURN_POINTER(nullptr);
    PG_RETURN_POINTER(lsecond(simplify->fcall->args));
}
