// Reads tables of users. Planning a query may already run code of the table's owner, such as a function in the
// predicate of an index. So each table is read as a role that trusts it, in a security-restricted operation.
#include "postgres/postgres.hpp"

#include "attach/attached_tables.hpp"
#include "install/table_access.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

using namespace msgstatus;

namespace {

// Acts as a role in a security-restricted operation until close(), which also restores settings. An error that leaves
// by longjmp ends it as well.
class ActAs {
public:
    explicit ActAs(Oid role) {
        GetUserIdAndSecContext(&caller_, &context_);
        SetUserIdAndSecContext(role, context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
        level_ = NewGUCNestLevel();
    }
    void close() {
        AtEOXact_GUC(false, level_);
        SetUserIdAndSecContext(caller_, context_);
    }

private:
    Oid caller_ = InvalidOid;
    int context_ = 0;
    int level_ = 0;
};

// Returns the owner of a table if the caller may read all rows of the column; nothing otherwise.
std::optional<Oid> owner_of_readable(Oid relation, AttrNumber column) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        return std::nullopt;
    const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const Oid owner = form->relowner;
    const bool is_table = form->relkind == RELKIND_RELATION || form->relkind == RELKIND_PARTITIONED_TABLE;
    ReleaseSysCache(tuple);
    const bool may_read = pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
                          pg_attribute_aclcheck(relation, column, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
    if (!is_table || !may_read || check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED)
        return std::nullopt;
    return owner;
}

// Returns the quoted name of a column if the caller may read all its rows; nullptr otherwise. Sets the table's owner.
const char *name_of_readable(Oid relation, AttrNumber column, std::optional<Oid> &owner) {
    owner = owner_of_readable(relation, column);
    const char *name = get_attname(relation, column, true);
    return owner && name != nullptr ? quote_identifier(name) : nullptr;
}

const char *name_of(Oid relation) {
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

// Returns the value that a query reads as a role; its parameter, if it has one, is a text[]. Nothing for null.
std::optional<Datum> read_as(Oid owner, const char *sql, std::optional<Datum> texts, bool by_value) {
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    ActAs as_owner(owner);
    Oid type = TEXTARRAYOID;
    Datum value = texts.value_or(0);
    if (SPI_execute_with_args(sql, texts ? 1 : 0, &type, &value, nullptr, true, 1) != SPI_OK_SELECT ||
        SPI_processed != 1)
        elog(ERROR, "reading a table failed");
    bool is_null = false;
    Datum read = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    if (!is_null)
        read = SPI_datumTransfer(read, by_value, by_value ? static_cast<int>(sizeof(Datum)) : -1);
    as_owner.close();
    SPI_finish();
    return is_null ? std::nullopt : std::optional<Datum>(read);
}

} // namespace

// Returns the texts in a column (argument 2) of a table (argument 1) that are none of a list (argument 4, in lower
// case), with their rows, as a jsonb array of objects; the most frequent first, at most 100. Rows without a key
// (argument 3) and empty texts do not count. Returns NULL if the caller may not read them, or if a policy hides rows.
MSGSTATUS_FUNCTION(unknown_words) {
    const Oid relation = PG_GETARG_OID(0);
    std::optional<Oid> owner;
    const char *key = name_of_readable(relation, PG_GETARG_INT16(2), owner);
    const char *column = name_of_readable(relation, PG_GETARG_INT16(1), owner);
    if (key == nullptr || column == nullptr)
        PG_RETURN_NULL();
    const char *sql = psprintf(
        "SELECT COALESCE(jsonb_agg(jsonb_build_object('word', w.word, 'rows', w.n) ORDER BY w.n DESC, w.word), '[]')"
        " FROM (SELECT t.%s::text AS word, count(*) AS n FROM %s AS t"
        " WHERE t.%s IS NOT NULL AND t.%s IS NOT NULL AND t.%s::text <> '' AND lower(t.%s::text) <> ALL ($1)"
        " GROUP BY 1 ORDER BY n DESC, word LIMIT 100) AS w",
        column, name_of(relation), key, column, column, column);
    const auto words = read_as(*owner, sql, PG_GETARG_DATUM(3), false);
    if (!words)
        PG_RETURN_NULL();
    return *words;
}

// Returns for how many keys (argument 3) a table (argument 1) has rows with different texts in a column (argument 2).
// Returns NULL if the caller may not read them, or if a policy hides rows.
MSGSTATUS_FUNCTION(keys_with_different_words) {
    const Oid relation = PG_GETARG_OID(0);
    std::optional<Oid> owner;
    const char *key = name_of_readable(relation, PG_GETARG_INT16(2), owner);
    const char *column = name_of_readable(relation, PG_GETARG_INT16(1), owner);
    if (key == nullptr || column == nullptr)
        PG_RETURN_NULL();
    const char *sql = psprintf("SELECT count(*) FROM (SELECT FROM %s AS t WHERE t.%s IS NOT NULL GROUP BY t.%s"
                               " HAVING min(lower(t.%s::text)) <> max(lower(t.%s::text))) AS k",
                               name_of(relation), key, key, column, column);
    const auto keys = read_as(*owner, sql, std::nullopt, true);
    if (!keys)
        PG_RETURN_NULL();
    return *keys;
}

// Returns how many rows of a table (argument 1) have one of the keys (argument 3) in a column (argument 2). Returns
// NULL if the caller may not read the column, or if a policy hides rows.
MSGSTATUS_FUNCTION(rows_with_keys) {
    const Oid relation = PG_GETARG_OID(0);
    std::optional<Oid> owner;
    const char *key = name_of_readable(relation, PG_GETARG_INT16(1), owner);
    if (key == nullptr)
        PG_RETURN_NULL();
    const char *sql =
        psprintf("SELECT count(*) FROM %s AS t WHERE t.%s::text COLLATE \"C\" = ANY ($1)", name_of(relation), key);
    const auto rows = read_as(*owner, sql, PG_GETARG_DATUM(2), true);
    if (!rows)
        PG_RETURN_NULL();
    return *rows;
}

// Returns the distinct texts in a column of a table, the most frequent first, at most 100, from a sample of 10,000
// rows. Reads as the table's owner. Returns NULL if the caller may not read the column, or if a policy hides rows.
MSGSTATUS_FUNCTION(column_sample) {
    const Oid relation = PG_GETARG_OID(0);
    const AttrNumber column = PG_GETARG_INT16(1);
    const std::optional<Oid> owner = owner_of_readable(relation, column);
    const char *name = get_attname(relation, column, true);
    if (!owner || name == nullptr)
        PG_RETURN_NULL();
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    ActAs as_owner(*owner);
    const char *quoted = quote_identifier(name);
    const char *sql = psprintf(
        "SELECT ARRAY(SELECT v.label"
        " FROM (SELECT t.%s::text AS label FROM %s AS t WHERE t.%s IS NOT NULL LIMIT 10000) AS v"
        " GROUP BY v.label ORDER BY count(*) DESC, v.label LIMIT 100)",
        quoted, quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)),
        quoted);
    if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
        elog(ERROR, "reading a sample failed");
    bool is_null = false;
    Datum labels = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
    labels = SPI_datumTransfer(labels, false, -1);
    as_owner.close();
    SPI_finish();
    return labels;
}

// Returns, in batches, the ids of the messages that resync_table has to update, as the role that attached the table
// sees them. Raises 42704 if the table is not attached, or if that role was dropped.
MSGSTATUS_FUNCTION(attached_batches) {
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    DestReceiver *receiver = CreateDestReceiver(DestTuplestore);
    SetTuplestoreDestReceiverParams(receiver, result->setResult, result->econtext->ecxt_per_query_memory, false,
                                    result->setDesc, "the columns of the function and of what it reads differ");
    TableAccess access;
    const auto table = find_attached_table(PG_GETARG_INT32(0));
    if (!table)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no attached table %d", PG_GETARG_INT32(0))));
    if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(table->attached_by)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the role that attached the table was dropped"),
                        errhint("Attach the table again.")));
    ActAs as_attacher(table->attached_by);
    const char *sql = psprintf("SELECT b FROM msgstatus.attached_messages(%u::regclass, %s) AS b"
                               " UNION ALL SELECT b FROM msgstatus.failures_without_row(%u::regclass, %s, %d) AS b",
                               table->target, quote_literal_cstr(table->key_column), table->target,
                               quote_literal_cstr(table->key_column), table->id);
    SPIPlanPtr plan = SPI_prepare(sql, 0, nullptr);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    SPIExecuteOptions options{};
    options.dest = receiver;
    if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
        elog(ERROR, "reading the messages of an attached table failed");
    as_attacher.close();
    access.close();
    return 0;
}
