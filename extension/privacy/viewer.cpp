#include "privacy/viewer.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

bool is_owner(Oid table, Oid role) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool owns = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner == role;
    ReleaseSysCache(tuple);
    return owns;
}

bool may_read_table(Oid table, Oid role) {
    return pg_class_aclcheck(table, role, ACL_SELECT) == ACLCHECK_OK;
}

// FORCE ROW LEVEL SECURITY hides rows from the owner too, and the read runs as the owner, so it hides the same rows.
bool has_rows_hidden(Oid table, Oid role) {
    return check_enable_rls(table, role, true) == RLS_ENABLED && !is_owner(table, role);
}

} // namespace

bool may_read_all(Oid table, Oid role) {
    return may_read_table(table, role) && !has_rows_hidden(table, role);
}

void refuse_policies(Oid table, Oid role) {
    const bool may_read =
        may_read_table(table, role) || pg_attribute_aclcheck_all(table, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
    if (!may_read || !has_rows_hidden(table, role))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("row-level security of table \"%s\" hides rows from role \"%s\"", get_rel_name(table),
                           GetUserNameFromId(role, false)),
                    errdetail("The function reads the table as its owner, who sees all rows."),
                    errhint("Query the table itself, or give the role BYPASSRLS.")));
}

} // namespace msgstatus

using namespace msgstatus;

// Returns whether the current user may read all rows and columns of all tables in the array. Views call it. Raises
// 42501 if the user may read a table but row-level security hides rows of it, and 42P01 if a table does not exist.
MSGSTATUS_FUNCTION(sees_all) {
    Datum *tables = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables, &nulls, &count);
    bool all = true;
    for (int i = 0; i < count; ++i) {
        const Oid table = nulls[i] ? InvalidOid : DatumGetObjectId(tables[i]);
        if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table)))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table with OID %u does not exist", table)));
        refuse_policies(table, GetUserId());
        all = all && may_read_all(table, GetUserId());
    }
    PG_RETURN_BOOL(all);
}
