#include "webhook/content_setting.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace msgstatus {
namespace {

constexpr std::array<std::string_view, 23> identifying{
    "id",         "from",          "from_user_id", "timestamp",
    "type",       "MessageSid",    "SmsSid",       "SmsMessageSid",
    "AccountSid", "MessageStatus", "SmsStatus",    "From",
    "To",         "sid",           "status",       "to",
    "direction",  "date_created",  "date_sent",    "date_updated",
    "messageSid", "messageStatus", "message_id",
};

AttrNumber column_of(Relation table, const char *name, Oid type) {
    const AttrNumber number = get_attnum(RelationGetRelid(table), name);
    if (number == InvalidAttrNumber || get_atttype(RelationGetRelid(table), number) != type)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table msgstatus.content_setting has no column \"%s\" of type %s", name,
                               format_type_be(type))));
    return number;
}

} // namespace

bool ContentSettings::keeps(std::string_view provider) {
    if (!is_read_)
        read();
    return std::find(left_out_.begin(), left_out_.end(), provider) == left_out_.end();
}

bool ContentSettings::keeps_all() {
    if (!is_read_)
        read();
    return left_out_.empty();
}

// Reads without SPI, and so without checking privileges: the apply functions act as the owner of the tables.
void ContentSettings::read() {
    is_read_ = true;
    const Oid schema = get_namespace_oid("msgstatus", true);
    const Oid oid = OidIsValid(schema) ? get_relname_relid("content_setting", schema) : InvalidOid;
    // Until install() is called for this version, all content is stored, as before.
    if (!OidIsValid(oid) || get_rel_relkind(oid) != RELKIND_RELATION)
        return;
    Relation table = table_open(oid, AccessShareLock);
    const AttrNumber provider = column_of(table, "provider", TEXTOID);
    const AttrNumber keep = column_of(table, "keep", BOOLOID);
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TupleTableSlot *slot = table_slot_create(table, nullptr);
    TableScanDesc scan = table_beginscan(table, snapshot, 0, nullptr);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        bool no_provider = false;
        bool no_keep = false;
        const Datum name = slot_getattr(slot, provider, &no_provider);
        const Datum kept = slot_getattr(slot, keep, &no_keep);
        if (!no_provider && !no_keep && !DatumGetBool(kept))
            left_out_.push(view_of(DatumGetTextPCopy(name)));
    }
    table_endscan(scan);
    ExecDropSingleTupleTableSlot(slot);
    UnregisterSnapshot(snapshot);
    table_close(table, AccessShareLock);
}

Json without_content(const Json &message) {
    if (!message.is_object())
        return message;
    Vector<std::string_view> left_out;
    message.for_each_member([&](std::string_view key, const Json &member) {
        const bool is_known = std::find(identifying.begin(), identifying.end(), key) != identifying.end();
        if (!is_known || !(member.is_string() || member.is_number()))
            left_out.push(key);
    });
    Jsonb *rest = message.without({left_out.begin(), left_out.size()});
    if (rest == nullptr)
        rest = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
    return Json::of_document(rest);
}

} // namespace msgstatus
