#include "postgres/postgres.hpp"

#include "dead_letter/rejections.hpp"
#include "install/table_access.hpp"
#include "postgres/arguments.hpp"
#include "webhook/context.hpp"

using namespace msgstatus;

// Stores the text of a webhook body that jsonb refuses as a dead letter, with a reason, the time of receipt (default:
// start of the transaction) and a source. Does nothing for a NULL body. Acts as the owner of the tables. Raises 22008
// for a time outside the years 1 to 9999, and 22001 for a source of more than 256 bytes.
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
