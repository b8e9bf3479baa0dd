#include "pg/prepared.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "utils/guc.h"
}

namespace msgstatus {

std::uint64_t PreparedStatement::execute(std::span<const Oid> types, std::span<const Datum> parameters,
                                         const char *nulls) {
    // After DROP and CREATE EXTENSION in one session the same names mean other types.
    if (plan_ != nullptr && !std::equal(types.begin(), types.end(), types_.begin())) {
        SPI_freeplan(plan_);
        plan_ = nullptr;
    }
    if (plan_ == nullptr) {
        // The parameters are arrays: no value of theirs would make a better plan than the generic one.
        SPIPlanPtr plan = SPI_prepare_cursor(sql_, static_cast<int>(types.size()), const_cast<Oid *>(types.data()),
                                             CURSOR_OPT_GENERIC_PLAN);
        if (plan == nullptr)
            elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
        SPI_keepplan(plan);
        plan_ = plan;
        std::copy(types.begin(), types.end(), types_.begin());
    }
    const int result = SPI_execute_plan(plan_, const_cast<Datum *>(parameters.data()), nulls, false, 0);
    if (result < 0)
        elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
    return SPI_processed;
}

LookupByKey::LookupByKey() : guc_level_(NewGUCNestLevel()) {
    for (const char *setting : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"})
        (void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void LookupByKey::leave() const {
    AtEOXact_GUC(true, guc_level_);
}

} // namespace msgstatus
