#include "guard/guarded_columns.hpp"

#include "core/ascii.hpp"
#include "postgres/composite_type.hpp"
#include "types/delivery_state_datum.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

constexpr const char *usage = "Write keep_status_order('column', ...), and where a column has labels of its own, "
                              "'column=state:label,state:label,...'.";

AttrNumber find_column(TupleDesc description, std::string_view name) {
    for (int i = 0; i < description->natts; ++i) {
        const Form_pg_attribute column = TupleDescAttr(description, i);
        if (!column->attisdropped && name == NameStr(column->attname))
            return column->attnum;
    }
    return InvalidAttrNumber;
}

ColumnKind kind_of(Form_pg_attribute column, Oid base, Relation table) {
    if (base == type_of_extension("message_status"))
        return ColumnKind::status;
    if (base == type_of_extension("delivery_state"))
        return ColumnKind::state;
    if (base == BPCHAROID)
        return ColumnKind::padded;
    if (IsBinaryCoercible(base, TEXTOID))
        return ColumnKind::text;
    if (type_is_enum(base))
        return ColumnKind::label;
    if (base == INT2OID || base == INT4OID || base == INT8OID)
        return ColumnKind::number;
    if (base == TIMESTAMPTZOID || base == TIMESTAMPOID || base == DATEOID)
        return ColumnKind::time;
    if (base == BOOLOID)
        return ColumnKind::flag;
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of table \"%s\" is of type %s, which cannot hold a state",
                           NameStr(column->attname), RelationGetRelationName(table), format_type_be(column->atttypid)),
                    errhint("keep_status_order() guards columns of type message_status, delivery_state, text, varchar, "
                            "char(n), integers, times, boolean and of enums.")));
}

Vector<OwnLabel> read_labels(std::string_view list) {
    Vector<OwnLabel> labels;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        const std::string_view item = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        const std::size_t colon = item.find(':');
        const auto state = parse_state(trim(item.substr(0, colon)));
        const std::string_view label =
            colon == std::string_view::npos ? std::string_view() : trim(item.substr(colon + 1));
        if (!state || label.empty())
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("invalid label mapping: \"%.*s\"", shown(item), item.data()),
                            errhint("Write state:label. The states are %s.", list_states())));
        labels.push({label, *state});
    }
    return labels;
}

GuardedColumn read_column(Relation table, std::string_view argument) {
    TupleDesc description = RelationGetDescr(table);
    GuardedColumn guarded;
    guarded.number = find_column(description, argument);
    if (guarded.number == InvalidAttrNumber) {
        const std::size_t end = std::min(argument.find('='), argument.size());
        guarded.number = find_column(description, argument.substr(0, end));
        guarded.labels = read_labels(argument.substr(std::min(end + 1, argument.size())));
    }
    if (guarded.number == InvalidAttrNumber)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%.*s\" of table \"%s\" does not exist", shown(argument), argument.data(),
                               RelationGetRelationName(table)),
                        errhint(usage)));
    const Form_pg_attribute column = TupleDescAttr(description, guarded.number - 1);
    if (column->attgenerated != '\0')
        ereport(ERROR, (errcode(ERRCODE_GENERATED_ALWAYS),
                        errmsg("column \"%s\" of table \"%s\" is generated", NameStr(column->attname),
                               RelationGetRelationName(table)),
                        errhint("Guard the columns that it is generated from.")));
    guarded.type = column->atttypid;
    guarded.length = column->attlen;
    guarded.by_value = column->attbyval;
    const Oid base = getBaseType(guarded.type);
    guarded.is_domain = base != guarded.type;
    guarded.kind = kind_of(column, base, table);
    const bool takes_labels =
        guarded.kind != ColumnKind::status && guarded.kind != ColumnKind::time && guarded.kind != ColumnKind::flag;
    if (!takes_labels && !guarded.labels.empty())
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("column \"%s\" is of type %s and takes no labels", NameStr(column->attname),
                               guarded.kind == ColumnKind::status ? "message_status" : format_type_be(base)),
                        errhint(usage)));
    if (guarded.kind == ColumnKind::number && guarded.labels.empty())
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("column \"%s\" of table \"%s\" is of type %s, which cannot hold a state",
                               NameStr(column->attname), RelationGetRelationName(table), format_type_be(base)),
                        errhint("Name the numbers: keep_status_order('column=sent:1,delivered:2,read:3').")));
    return guarded;
}

std::optional<DeliveryState> state_of_label(const GuardedColumn &column, std::string_view label) {
    for (const OwnLabel &own : column.labels)
        if (equals_ignoring_case(label, own.label))
            return own.state;
    return parse_state(label);
}

std::optional<DeliveryState> state_of_enum(const GuardedColumn &column, Oid value) {
    HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
    if (!HeapTupleIsValid(tuple))
        return std::nullopt;
    const auto state = state_of_label(column, NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel));
    ReleaseSysCache(tuple);
    return state;
}

} // namespace

Vector<GuardedColumn> read_guarded_columns(Relation table, const Trigger &declared) {
    if (declared.tgnargs == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("keep_status_order() requires the names of the columns to guard"), errhint(usage)));
    Vector<GuardedColumn> columns;
    for (int i = 0; i < declared.tgnargs; ++i)
        columns.push(read_column(table, pstrdup(declared.tgargs[i])));
    return columns;
}

std::optional<DeliveryState> state_in(const GuardedColumn &column, Datum value) {
    if (column.kind == ColumnKind::state)
        return state_of_datum(value);
    if (column.kind == ColumnKind::label)
        return state_of_enum(column, DatumGetObjectId(value));
    if (column.kind == ColumnKind::number) {
        Oid output = InvalidOid;
        bool is_varlena = false;
        getTypeOutputInfo(getBaseType(column.type), &output, &is_varlena);
        return state_of_label(column, OidOutputFunctionCall(output, value));
    }
    // White space around a label has no meaning, like the blanks that char(n) adds.
    return state_of_label(column, trim(view_of(DatumGetTextPP(value))));
}

} // namespace msgstatus
