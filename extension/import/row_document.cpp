#include "import/row_document.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
}

namespace msgstatus {
namespace {

JsonbValue value_of(const Json &json) {
    JsonbValue value;
    if (!JsonbExtractScalar(&json.to_document()->root, &value)) {
        Jsonb *document = json.to_document();
        value.type = jbvBinary;
        value.val.binary.data = &document->root;
        value.val.binary.len = static_cast<int>(VARSIZE(document) - VARHDRSZ);
    }
    return value;
}

JsonbValue value_of_text(std::string_view text) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    return value;
}

JsonbValue value_of_number(Datum numeric) {
    if (numeric_is_nan(DatumGetNumeric(numeric)) || numeric_is_inf(DatumGetNumeric(numeric)))
        return value_of_text(DatumGetCString(DirectFunctionCall1(numeric_out, numeric)));
    JsonbValue value;
    value.type = jbvNumeric;
    value.val.numeric = DatumGetNumeric(numeric);
    return value;
}

JsonbValue value_of_column(Datum datum, Oid type) {
    JsonbValue value;
    const Oid base = getBaseType(type);
    Oid output = InvalidOid;
    bool is_varlena = false;
    switch (base) {
    case BOOLOID:
        value.type = jbvBool;
        value.val.boolean = DatumGetBool(datum);
        return value;
    case INT2OID:
        return value_of_number(NumericGetDatum(int64_to_numeric(DatumGetInt16(datum))));
    case INT4OID:
        return value_of_number(NumericGetDatum(int64_to_numeric(DatumGetInt32(datum))));
    case INT8OID:
        return value_of_number(NumericGetDatum(int64_to_numeric(DatumGetInt64(datum))));
    case NUMERICOID:
        return value_of_number(datum);
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
        return value_of_text(JsonEncodeDateTime(static_cast<char *>(palloc(MAXDATELEN + 1)), datum, base, nullptr));
    case JSONBOID:
        return value_of(Json::of_document(DatumGetJsonbP(datum)));
    case JSONOID:
        if (const Json json = parse_json(view_of(DatumGetTextPP(datum))); json.exists())
            return value_of(json);
        return value_of_text(view_of(DatumGetTextPP(datum)));
    default:
        getTypeOutputInfo(type, &output, &is_varlena);
        return value_of_text(OidOutputFunctionCall(output, datum));
    }
}

} // namespace

Jsonb *row_document(HeapTuple row, TupleDesc description) {
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    for (int i = 0; i < description->natts; ++i) {
        const Form_pg_attribute column = TupleDescAttr(description, i);
        bool is_null = false;
        const Datum datum = heap_getattr(row, i + 1, description, &is_null);
        if (is_null)
            continue;
        JsonbValue name = value_of_text(NameStr(column->attname));
        JsonbValue value = value_of_column(datum, column->atttypid);
        pushJsonbValue(&state, WJB_KEY, &name);
        pushJsonbValue(&state, WJB_VALUE, &value);
    }
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
}

} // namespace msgstatus
