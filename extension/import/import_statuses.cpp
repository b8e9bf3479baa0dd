// import_statuses(): imports history from a query over other tables.
#include "postgres/postgres.hpp"

#include "apply/apply_batch.hpp"
#include "import/row.hpp"
#include "install/installation.hpp"
#include "install/table_access.hpp"
#include "observation/validation.hpp"
#include "postgres/row_shape.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
}

using namespace msgstatus;

namespace {

// The number of rows that are applied together. A batch this small stays in the processor's cache from reading to
// writing, which is faster than larger batches.
constexpr long rows_in_batch = 250;

// The number of changes of rollups that are written together. Most changes are of the same few rows. Each further write
// of a row in the same transaction leaves another dead version, which slows every later write.
constexpr std::size_t rollup_changes_at_once = 5000;

struct Options {
    const char *query = nullptr;
    ImportContext context;
    std::int64_t notice_every = 0;
    const char *search_path = nullptr;
};

struct Totals {
    std::int64_t received = 0;
    std::int64_t applied = 0;
    std::int64_t unchanged = 0;
    std::int64_t rejected = 0;
    std::int64_t ignored = 0;

    void add(const Counts &counts) {
        received += counts.received;
        applied += counts.applied;
        unchanged += counts.unchanged;
        rejected += counts.rejected;
        ignored += counts.ignored;
    }
};

// A scope with the search_path of the caller. After an error that leaves by longjmp, the abort of the transaction ends
// it.
class CallersSearchPath {
public:
    explicit CallersSearchPath(const char *search_path) : level_(NewGUCNestLevel()) {
        (void)set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                                false);
    }
    void end() const { AtEOXact_GUC(true, level_); }

private:
    int level_;
};

const char *text_or_null(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Text short_text(FunctionCallInfo fcinfo, int n, const char *name) {
    const char *text = text_or_null(fcinfo, n);
    const Text value = text == nullptr ? Text() : Text(text);
    if (value.size() > max_label_size)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
                        errmsg("%s is longer than %zu bytes", name, max_label_size)));
    return value;
}

Options read_options(FunctionCallInfo fcinfo) {
    Options options;
    options.query = text_or_null(fcinfo, 0);
    options.context.provider = short_text(fcinfo, 1, "provider");
    options.context.source = short_text(fcinfo, 2, "source");
    options.notice_every = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
    options.search_path = text_or_null(fcinfo, 4);
    if (options.query == nullptr || options.search_path == nullptr)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("query and search_path must not be null")));
    options.context.received_at = GetCurrentTransactionStartTimestamp();
    return options;
}

Portal open_query(const Options &options) {
    SPIParseOpenOptions parse{};
    parse.cursorOptions = CURSOR_OPT_NO_SCROLL;
    const CallersSearchPath path(options.search_path);
    Portal portal = SPI_cursor_parse_open(nullptr, options.query, &parse);
    path.end();
    if (portal == nullptr)
        elog(ERROR, "SPI_cursor_parse_open failed: %s", SPI_result_code_string(SPI_result));
    return portal;
}

SPITupleTable *fetch_rows(Portal portal, const Options &options) {
    const CallersSearchPath path(options.search_path);
    SPI_cursor_fetch(portal, true, rows_in_batch);
    path.end();
    return SPI_tuptable;
}

Counts apply_rows(const SPITupleTable &rows, const ImportColumns &columns, const ImportContext &context,
                  BatchSeries &series) {
    Batch batch;
    batch.counts.push({});
    for (std::uint64_t i = 0; i < rows.numvals; ++i) {
        CHECK_FOR_INTERRUPTS();
        read_import_row(batch, columns, context, rows.vals[i], rows.tupdesc);
    }
    apply_batch(batch, series);
    return batch.counts[0];
}

// Reports the progress of the import whenever it passes a multiple of notice_every.
void report_progress(const Options &options, const Totals &before, const Totals &now, TimestampTz start) {
    if (options.notice_every <= 0 || before.received / options.notice_every == now.received / options.notice_every)
        return;
    const double seconds =
        static_cast<double>(std::max<TimestampTz>(GetCurrentTimestamp() - start, 1)) / microseconds_per_second;
    ereport(NOTICE,
            (errmsg("imported %lld rows (%.0f rows/s), %lld of them rejected", static_cast<long long>(now.received),
                    static_cast<double>(now.received) / seconds, static_cast<long long>(now.rejected))));
}

void write_rollups(RollupChanges &rollups) {
    TableAccess access;
    rollups.write();
    access.close();
}

Totals import(const Options &options) {
    const TimestampTz start = GetCurrentTimestamp();
    Portal portal = open_query(options);
    if (portal->tupDesc == nullptr)
        ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_DEFINITION), errmsg("the query returns no rows")));
    const ImportColumns columns = read_import_columns(portal->tupDesc);
    if (*columns.unused != '\0')
        ereport(NOTICE, (errmsg("ignoring unrecognized columns: %s", columns.unused)));

    Totals totals;
    const MemoryContext caller = CurrentMemoryContext;
    const MemoryContext memory = AllocSetContextCreate(caller, "msgstatus import", ALLOCSET_DEFAULT_SIZES);
    BatchSeries series;
    series.rollups = RollupChanges(AllocSetContextCreate(caller, "msgstatus import, rollups", ALLOCSET_DEFAULT_SIZES));
    for (;;) {
        SPITupleTable *rows = fetch_rows(portal, options);
        if (SPI_processed == 0)
            break;
        MemoryContextSwitchTo(memory);
        const Counts counts = apply_rows(*rows, columns, options.context, series);
        if (series.rollups.size() >= rollup_changes_at_once)
            write_rollups(series.rollups);
        MemoryContextSwitchTo(caller);
        MemoryContextReset(memory);
        SPI_freetuptable(rows);
        const Totals before = totals;
        totals.add(counts);
        report_progress(options, before, totals, start);
    }
    SPI_cursor_close(portal);
    write_rollups(series.rollups);
    return totals;
}

constexpr std::array totals_columns{ColumnShape{"received", INT8OID}, ColumnShape{"applied", INT8OID},
                                    ColumnShape{"unchanged", INT8OID}, ColumnShape{"rejected", INT8OID},
                                    ColumnShape{"ignored", INT8OID}};

Datum row_of_totals(FunctionCallInfo fcinfo, const Totals &totals) {
    TupleDesc description = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "import_statuses returns a row");
    check_result_columns(description, totals_columns, "the result of import_statuses");
    std::array<Datum, totals_columns.size()> values{Int64GetDatum(totals.received), Int64GetDatum(totals.applied),
                                                    Int64GetDatum(totals.unchanged), Int64GetDatum(totals.rejected),
                                                    Int64GetDatum(totals.ignored)};
    std::array<bool, totals_columns.size()> nulls{};
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values.data(), nulls.data()));
}

} // namespace

// Runs a query (argument 1) with the caller's rights and search_path (argument 5), applies its rows as
// apply_message_status applies webhooks, and returns how many rows were received, applied, unchanged, rejected and
// ignored. Reports progress by NOTICE every notice_every rows (argument 4); NULL or 0 for none. Raises 22004 for a NULL
// query or search_path, 22001 for a provider or source of more than 256 bytes, 42P11 for a query that returns no rows,
// and what read_import_columns, apply_batch and the query raise.
MSGSTATUS_FUNCTION(import_statuses) {
    const Options options = read_options(fcinfo);
    (void)find_installation(); // before the query takes its time
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    const Totals totals = import(options);
    SPI_finish();
    return row_of_totals(fcinfo, totals);
}
