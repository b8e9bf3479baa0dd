#include "pg/viewer.hpp"

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

// The owner under FORCE ROW LEVEL SECURITY has the same rows hidden as a read with its rights.
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
                    errdetail("This reads the table as its owner, who sees all rows."),
                    errhint("Query the table itself, or give the role BYPASSRLS.")));
}

} // namespace msgstatus

using namespace msgstatus;

// sees_all(VARIADIC tables) is what views ask for: whether the current user may read all of the tables. Raises where
// row-level security would hide rows of one of them.
MSGSTATUS_FUNCTION(sees_all) {
    Datum *tables = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables, &nulls, &count);
    bool all = true;
    for (int i = 0; i < count; ++i) {
        const Oid table = nulls[i] ? InvalidOid : DatumGetObjectId(tables[i]);
        if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table)))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("no such table")));
        refuse_policies(table, GetUserId());
        all = all && may_read_all(table, GetUserId());
    }
    PG_RETURN_BOOL(all);
}
