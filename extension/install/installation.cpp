#include "install/installation.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

#ifndef MSGSTATUS_VERSION
#error "the build defines MSGSTATUS_VERSION"
#endif

namespace msgstatus {
namespace {

// The table `message` beside which this version was found. What a backend has seen once stays true: the library of a
// later version of the extension is loaded by later backends.
Oid verified_table = InvalidOid;

void raise_not_installed() {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the tables of msgstatus are missing"),
                    errhint("Run: SELECT msgstatus.install();")));
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

void verify_version(const Installation &installation) {
    if (verified_table == installation.message_table)
        return;
    if (SPI_execute("SELECT i.version FROM msgstatus.installation AS i", true, 1) != SPI_OK_SELECT ||
        SPI_processed == 0)
        raise_not_installed();
    const char *version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    if (version == nullptr || std::string_view(version) != MSGSTATUS_VERSION)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the tables of msgstatus are of version %s, its library of version %s",
                               version == nullptr ? "unknown" : version, MSGSTATUS_VERSION),
                        // The library may be ahead of the extension's SQL, too.
                        errhint("Run: ALTER EXTENSION msgstatus UPDATE; SELECT msgstatus.install();")));
    verified_table = installation.message_table;
}

} // namespace msgstatus
