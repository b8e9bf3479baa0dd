#include "postgres/postgres.hpp"

#include "dead_letter/rejections.hpp"
#include "install/table_access.hpp"
#include "postgres/arguments.hpp"
#include "webhook/context.hpp"

using namespace msgstatus;

MSGSTATUS_FUNCTION(reject_webhook) {
    if (PG_ARGISNULL(0))
        PG_RETURN_VOID();
    const Context context = context_of(time_argument(fcinfo, 2), text_argument(fcinfo, 3));
    Text reason = text_argument(fcinfo, 1);
    if (reason.empty())
        reason = "not said";
    TableAccess access;
    insert_rejected_body(view_of(PG_GETARG_TEXT_PP(0)), reason, context.received_at, context.source);
    access.close();
    PG_RETURN_VOID();
}
