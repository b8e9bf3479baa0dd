// The triggers on attached tables.
#include "pg/postgres.hpp"

using namespace msgstatus;

MSGSTATUS_FUNCTION(reflect_inserted_rows) {
    (void)fcinfo;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("not implemented yet")));
}

MSGSTATUS_FUNCTION(reflect_changed_key) {
    (void)fcinfo;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("not implemented yet")));
}

MSGSTATUS_FUNCTION(reflect_messages) {
    (void)fcinfo;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("not implemented yet")));
}
