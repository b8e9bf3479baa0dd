// The SQL functions about descriptions.
#include "postgres/postgres.hpp"

#include "postgres/row_shape.hpp"
#include "provider/builtin.hpp"
#include "provider/parse_description.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "utils/inval.h"
}

using namespace msgstatus;

// Raises 22023, naming the member, unless the document describes a provider. Parameters: the name; the document.
MSGSTATUS_FUNCTION(check_provider_description) {
    DescriptionProblem problem;
    parse_description(view_of(PG_GETARG_TEXT_PP(0)), Json::of_document(PG_GETARG_JSONB_P(1)), problem);
    if (problem.problem != nullptr)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("\"%s\" %s", *problem.member == '\0' ? "description" : problem.member, problem.problem),
                        problem.hint == nullptr ? 0 : errhint("%s", problem.hint)));
    PG_RETURN_VOID();
}

// Returns the built-in descriptions as rows of name and document.
MSGSTATUS_FUNCTION(builtin_provider_descriptions) {
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    constexpr std::array columns{ColumnShape{"name", TEXTOID}, ColumnShape{"description", JSONBOID}};
    check_result_columns(result->setDesc, columns, "the result of the function");
    for (const BuiltinDescription &builtin : builtin_descriptions()) {
        std::array<Datum, 2> values{
            PointerGetDatum(text_of(builtin.name)),
            DirectFunctionCall1(jsonb_in, CStringGetDatum(builtin.document.data())),
        };
        std::array<bool, 2> nulls{};
        tuplestore_putvalues(result->setResult, result->setDesc, values.data(), nulls.data());
    }
    return 0;
}

// Tells other sessions that provider_description has changed: the trigger on it. Raises 39P01 where it is called as
// anything else.
MSGSTATUS_FUNCTION(announce_providers) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("not called as a trigger")));
    CacheInvalidateRelcache(reinterpret_cast<TriggerData *>(fcinfo->context)->tg_relation);
    return PointerGetDatum(nullptr);
}
