#include "install/installation.hpp"

#include "core/served_versions.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

#ifndef MSGSTATUS_VERSION
#error "the build defines MSGSTATUS_VERSION"
#endif

namespace msgstatus {
namespace {

static_assert(is_served(MSGSTATUS_VERSION), "a library serves its own version");

void raise_not_installed() {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the tables of msgstatus are missing"),
                    errhint("Run: SELECT msgstatus.install();")));
}

// Returns a text of the first row that the key finds, or of the first row without a key; nullptr if there is no row, or
// if the text is NULL. Releases the lock `released`, NoLock to keep it. Does not use SPI, because each call reads
// twice. PostgreSQL gives such a scan a snapshot of its own, so it also sees later commits in a transaction that keeps
// its first snapshot.
const char *read_text(Oid oid, const char *column, Oid index, ScanKey key, LOCKMODE released) {
    Relation table = table_open(oid, AccessShareLock);
    const char *found = nullptr;
    const AttrNumber number = get_attnum(oid, column);
    if (RelationGetForm(table)->relkind == RELKIND_RELATION && number != InvalidAttrNumber &&
        get_atttype(oid, number) == TEXTOID) {
        SysScanDesc scan = systable_beginscan(table, index, OidIsValid(index), nullptr, key == nullptr ? 0 : 1, key);
        if (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
            bool is_null = false;
            const Datum value = heap_getattr(row, number, RelationGetDescr(table), &is_null);
            if (!is_null)
                found = TextDatumGetCString(value);
        }
        systable_endscan(scan);
    }
    table_close(table, released);
    return found;
}

const char *version_of_extension() {
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("msgstatus"));
    return read_text(ExtensionRelationId, "extversion", ExtensionNameIndexId, &key, AccessShareLock);
}

void check_version(const char *subject, const char *version) {
    if (is_served(version))
        return;
    const char *message = psprintf("%s of version %s, which the msgstatus library, version %s, does not support",
                                   subject, version, MSGSTATUS_VERSION);
    // On this SQLSTATE the receiver keeps its webhooks and tries again in another backend.
    if (is_later(version, MSGSTATUS_VERSION))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg_internal("%s", message),
                        errhint("Reconnect to load the installed library. If that is version %s, install version %s; "
                                "if shared_preload_libraries names it, restart the server.",
                                MSGSTATUS_VERSION, version)));
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg_internal("%s", message),
                    errhint("Run: ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();")));
}

} // namespace

Installation find_installation() {
    const Oid schema = get_namespace_oid("msgstatus", true);
    Installation found;
    if (OidIsValid(schema))
        found.message_table = get_relname_relid("message", schema);
    if (!OidIsValid(found.message_table))
        raise_not_installed();
    for (const char *table : {"status_event", "rejected_status", "installation"})
        if (!OidIsValid(get_relname_relid(table, schema)))
            raise_not_installed();
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(found.message_table));
    if (!HeapTupleIsValid(tuple))
        raise_not_installed();
    found.owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return found;
}

void verify_versions() {
    // A restored dump may hold the objects of msgstatus without the extension.
    if (const char *version = version_of_extension(); version != nullptr)
        check_version("the extension msgstatus is", version);
    // The lock stays until the transaction ends. An install() that changes the version waits for it, and a call that
    // comes meanwhile waits here, before it has touched a table.
    const char *version = read_text(get_relname_relid("installation", get_namespace_oid("msgstatus", false)), "version",
                                    InvalidOid, nullptr, NoLock);
    if (version == nullptr)
        raise_not_installed();
    check_version("the tables of msgstatus are", version);
}

} // namespace msgstatus
