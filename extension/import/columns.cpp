#include "import/columns.hpp"

#include <charconv>
#include <limits>

#include "core/ascii.hpp"
#include "postgres/composite_type.hpp"

extern "C" {
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

constexpr std::string_view suffix_of_times = "_at";

struct NamedField {
    std::string_view name;
    ImportField field;
    Text MessageFacts::*fact = nullptr;
    Text ErrorInfo::*error_text = nullptr;
};

constexpr std::array named_fields{
    NamedField{"message_id", ImportField::message_id},
    NamedField{"status", ImportField::status},
    NamedField{"status_at", ImportField::status_at},
    NamedField{"updated_at", ImportField::updated_at},
    NamedField{"created_at", ImportField::created_at},
    NamedField{"direction", ImportField::direction},
    NamedField{"sender", ImportField::sender},
    NamedField{"recipient", ImportField::recipient},
    NamedField{"provider", ImportField::text, &MessageFacts::provider},
    NamedField{"message_type", ImportField::text, &MessageFacts::message_type},
    NamedField{"content", ImportField::text, &MessageFacts::content},
    NamedField{"media_url", ImportField::text, &MessageFacts::media_url},
    NamedField{"error_code", ImportField::error_code},
    NamedField{"error_title", ImportField::text, nullptr, &ErrorInfo::title},
    NamedField{"error_details", ImportField::text, nullptr, &ErrorInfo::details},
    NamedField{"campaign_id", ImportField::campaign_id},
    NamedField{"metadata", ImportField::metadata},
};

ImportType type_of(Oid type) {
    const Oid base = getBaseType(type);
    switch (base) {
    case BPCHAROID:
        return ImportType::padded;
    case JSONBOID:
        return ImportType::jsonb;
    case TIMESTAMPTZOID:
        return ImportType::timestamptz;
    case TIMESTAMPOID:
        return ImportType::timestamp;
    case UUIDOID:
        return ImportType::uuid;
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case NUMERICOID:
        return ImportType::integer;
    default:
        break;
    }
    if (base == type_of_extension("message_status"))
        return ImportType::status;
    if (base == type_of_extension("delivery_state"))
        return ImportType::state;
    if (IsBinaryCoercible(base, TEXTOID))
        return ImportType::text;
    return type_is_enum(base) ? ImportType::label : ImportType::other;
}

bool is_text(ImportType type) {
    return type == ImportType::text || type == ImportType::padded || type == ImportType::label;
}

bool is_time(ImportType type) {
    return type == ImportType::timestamptz || type == ImportType::timestamp;
}

// Returns whether a value of the type can hold the field. Times can also be texts and numbers, as in webhooks.
bool fits(ImportField field, ImportType type, Oid base) {
    switch (field) {
    case ImportField::status:
        return is_text(type) || type == ImportType::status || type == ImportType::state || type == ImportType::jsonb ||
               base == JSONOID;
    case ImportField::status_at:
    case ImportField::updated_at:
    case ImportField::state_at:
    case ImportField::created_at:
        return is_time(type) || is_text(type) || type == ImportType::integer;
    case ImportField::error_code:
        return is_text(type) || type == ImportType::integer;
    case ImportField::campaign_id:
        return type == ImportType::uuid;
    case ImportField::metadata:
        return type == ImportType::jsonb || base == JSONOID;
    default:
        return true;
    }
}

// Returns the column that a name means; nothing for a name without a meaning.
std::optional<ImportColumn> column_named(std::string_view name) {
    ImportColumn column;
    for (const NamedField &named : named_fields) {
        if (!equals_ignoring_case(name, named.name))
            continue;
        column.field = named.field;
        column.fact = named.fact;
        column.error_text = named.error_text;
        return column;
    }
    if (name.size() <= suffix_of_times.size() ||
        !equals_ignoring_case(name.substr(name.size() - suffix_of_times.size()), suffix_of_times))
        return std::nullopt;
    const auto state = parse_state(name.substr(0, name.size() - suffix_of_times.size()));
    if (!state)
        return std::nullopt;
    column.field = ImportField::state_at;
    column.state = *state;
    return column;
}

bool same_meaning(const ImportColumn &a, const ImportColumn &b) {
    return a.field == b.field && a.state == b.state && a.fact == b.fact && a.error_text == b.error_text;
}

void check_column(const ImportColumn &column, Form_pg_attribute attribute, const Vector<ImportColumn> &earlier) {
    if (!fits(column.field, column.type, getBaseType(attribute->atttypid)))
        ereport(ERROR,
                (errcode(ERRCODE_DATATYPE_MISMATCH),
                 errmsg("the query's column \"%s\" has unsupported type %s", NameStr(attribute->attname),
                        format_type_be(attribute->atttypid)),
                 errhint("Times are timestamptz, timestamp, or what webhooks write; a status is a message_status, "
                         "a jsonb timeline, or a state as text or enum; a campaign_id is a uuid; metadata is "
                         "jsonb. Cast the column in the query.")));
    for (const ImportColumn &other : earlier)
        if (same_meaning(column, other))
            ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_COLUMN),
                            errmsg("the query has two columns \"%s\"", NameStr(attribute->attname)),
                            errhint("Leave one out, or give it another name.")));
}

void check_columns(const ImportColumns &found) {
    const auto any = [&](auto is) { return std::any_of(found.columns.begin(), found.columns.end(), is); };
    if (!any([](const ImportColumn &c) { return c.field == ImportField::message_id; }))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("the query has no column \"message_id\""),
                        errhint("Name it in the query: SELECT message_sid AS message_id, ...")));
    if (!any([](const ImportColumn &c) { return c.field == ImportField::status || c.field == ImportField::state_at; }))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("the query has no column that holds a state"),
                 errhint("Name a column \"status\", or a state with \"_at\": \"sent_at\", \"delivered_at\", ...")));
}

Text text_of_enum(Oid value) {
    HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
    if (!HeapTupleIsValid(tuple))
        return {};
    const char *label = pstrdup(NameStr(reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel));
    ReleaseSysCache(tuple);
    return label;
}

} // namespace

ImportColumns read_import_columns(TupleDesc description) {
    ImportColumns found;
    StringInfoData unused;
    initStringInfo(&unused);
    for (int i = 0; i < description->natts; ++i) {
        const Form_pg_attribute attribute = TupleDescAttr(description, i);
        auto column = column_named(NameStr(attribute->attname));
        if (!column) {
            appendStringInfo(&unused, "%s%s", unused.len == 0 ? "" : ", ", NameStr(attribute->attname));
            continue;
        }
        column->index = i;
        column->type = type_of(attribute->atttypid);
        bool is_varlena = false;
        getTypeOutputInfo(attribute->atttypid, &column->output, &is_varlena);
        check_column(*column, attribute, found.columns);
        found.columns.push(*column);
    }
    check_columns(found);
    found.unused = unused.data;
    return found;
}

Text text_in(const ImportColumn &column, Datum value) {
    if (column.type == ImportType::text)
        return view_of(DatumGetTextPP(value));
    if (column.type == ImportType::padded) {
        const Text padded = view_of(DatumGetTextPP(value));
        return padded.substr(0, padded.find_last_not_of(' ') + 1);
    }
    if (column.type == ImportType::label)
        return text_of_enum(DatumGetObjectId(value));
    return OidOutputFunctionCall(column.output, value);
}

std::optional<EventTime> time_in(const ImportColumn &column, Datum value) {
    if (column.type == ImportType::timestamptz)
        return DatumGetTimestampTz(value);
    if (column.type != ImportType::timestamp)
        return parse_event_time(text_in(column, value));
    int overflow = 0;
    const TimestampTz time = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
    return overflow == 0 ? std::optional(time) : std::nullopt;
}

std::optional<int> integer_in(const ImportColumn &column, Datum value) {
    const Text digits = trim(text_in(column, value));
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    return number;
}

} // namespace msgstatus
