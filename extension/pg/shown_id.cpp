// shown_id(key, message_id): the id for who may read `message`, its stand-in for anybody else. Views show ids by it.
#include "pg/postgres.hpp"

#include "pg/installation.hpp"
#include "pg/stand_in.hpp"
#include "pg/viewer.hpp"

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

// A plan that shows ids depends on the role, for which PostgreSQL looks, and on what roles the role is a member of, for
// which it does not.
void watch_memberships() {
    static bool watches = false;
    if (watches)
        return;
    CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_plans, 0);
    CacheRegisterSyscacheCallback(AUTHOID, forget_plans, 0);
    watches = true;
}

} // namespace

MSGSTATUS_FUNCTION(shown_id) {
    if (caller_sees_ids())
        PG_RETURN_DATUM(PG_GETARG_DATUM(1));
    PG_RETURN_TEXT_P(stand_in_of(view_of(PG_GETARG_BYTEA_PP(0)), view_of(PG_GETARG_TEXT_PP(1))));
}

// shown_id_support has the planner put the id itself in the place of shown_id where the caller may see it, so that a
// search for an id uses its index. For anybody else the call stays: then the planner knows nothing of its values, and
// estimates, which EXPLAIN shows, tell nothing of the ids.
MSGSTATUS_FUNCTION(shown_id_support) {
    Node *request = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
    if (!IsA(request, SupportRequestSimplify))
        PG_RETURN_POINTER(nullptr);
    const auto *simplify = reinterpret_cast<SupportRequestSimplify *>(request);
    if (simplify->root == nullptr || simplify->root->glob == nullptr)
        PG_RETURN_POINTER(nullptr);
    watch_memberships();
    // A plan that is kept is made anew for another role.
    simplify->root->glob->dependsOnRole = true;
    if (!caller_sees_ids())
        PG_RETURN_POINTER(nullptr);
    PG_RETURN_POINTER(lsecond(simplify->fcall->args));
}
