#include "pg/prepared.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "utils/guc.h"
}

namespace msgstatus {

void PreparedStatement::execute(Oid type, Datum rows) {
    // After DROP and CREATE EXTENSION in one session the same name means another type.
    if (plan_ != nullptr && type_ != type) {
        SPI_freeplan(plan_);
        plan_ = nullptr;
    }
    if (plan_ == nullptr) {
        // The parameter is an array: no value of it would make a better plan than the generic one.
        SPIPlanPtr plan = SPI_prepare_cursor(sql_, 1, &type, CURSOR_OPT_GENERIC_PLAN);
        if (plan == nullptr)
            elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
        SPI_keepplan(plan);
        plan_ = plan;
        type_ = type;
    }
    const int result = SPI_execute_plan(plan_, &rows, nullptr, false, 0);
    if (result < 0)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
}

LookupByKey::LookupByKey() : guc_level_(NewGUCNestLevel()) {
    for (const char *setting : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"})
        (void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void LookupByKey::leave() const {
    AtEOXact_GUC(true, guc_level_);
}

} // namespace msgstatus
