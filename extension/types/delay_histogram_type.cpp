// The SQL type delay_histogram: input, output, binary form, operators and functions; and the delays of a
// message_status.
#include "postgres/postgres.hpp"

#include <cmath>
#include <cstring>

#include "core/delay_histogram_text.hpp"
#include "core/delays.hpp"
#include "types/delay_histogram_datum.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "common/hashfn.h"
#include "libpq/pqformat.h"
}

using namespace msgstatus;

namespace msgstatus {

static_assert(std::is_trivially_destructible_v<DelayHistogram>);

Datum histogram_datum(const DelayHistogram &histogram) {
    std::array<std::byte, max_packed_histogram_size> bytes;
    const std::size_t size = pack(histogram, bytes.data());
    if (size + VARHDRSZ_SHORT <= VARATT_SHORT_MAX) {
        auto *value = static_cast<char *>(palloc(size + VARHDRSZ_SHORT));
        SET_VARSIZE_SHORT(value, size + VARHDRSZ_SHORT);
        std::memcpy(value + VARHDRSZ_SHORT, bytes.data(), size);
        return PointerGetDatum(value);
    }
    auto *value = static_cast<char *>(palloc(size + VARHDRSZ));
    SET_VARSIZE(value, size + VARHDRSZ);
    std::memcpy(value + VARHDRSZ, bytes.data(), size);
    return PointerGetDatum(value);
}

void read_histogram(Datum datum, DelayHistogram &histogram) {
    if (!unpack(bytes_of(PG_DETOAST_DATUM_PACKED(datum)), histogram))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid delay_histogram")));
}

} // namespace msgstatus

namespace {

void raise_out_of_range() {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("delay_histogram out of range")));
}

double fraction_argument(FunctionCallInfo fcinfo) {
    const double fraction = PG_GETARG_FLOAT8(1);
    if (!(fraction >= 0 && fraction <= 1)) // nor NaN
        ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                        errmsg("percentile value %g is not between 0 and 1", fraction)));
    return fraction;
}

// Returns a numeric with exactly the decimal places of the delay.
Datum seconds_datum(const ShownDelay &delay) {
    const long long microseconds = delay.value;
    char *text = psprintf("%lld.%06lld", microseconds / USECS_PER_SEC, microseconds % USECS_PER_SEC);
    const std::size_t point = std::strlen(text) - 7;
    text[delay.places == 0 ? point : point + 1 + static_cast<std::size_t>(delay.places)] = '\0';
    return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum combined(FunctionCallInfo fcinfo, int sign) {
    DelayHistogram a;
    DelayHistogram b;
    read_histogram(PG_GETARG_DATUM(0), a);
    read_histogram(PG_GETARG_DATUM(1), b);
    if (!a.merge(b, sign))
        raise_out_of_range();
    return histogram_datum(a);
}

std::span<const std::byte> bytes_of_argument(FunctionCallInfo fcinfo, int n) {
    return bytes_of(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n)));
}

bool same_bytes(FunctionCallInfo fcinfo) {
    const auto a = bytes_of_argument(fcinfo, 0);
    const auto b = bytes_of_argument(fcinfo, 1);
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

Datum interval_datum(std::int64_t microseconds) {
    auto *interval = static_cast<Interval *>(palloc0(sizeof(Interval)));
    interval->time = microseconds;
    return IntervalPGetDatum(interval);
}

Datum wide_interval_datum(DelaySum microseconds) {
    if (microseconds < INT64_MIN || microseconds > INT64_MAX)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("interval out of range")));
    return interval_datum(static_cast<std::int64_t>(microseconds));
}

// Counts a month as thirty days, as PostgreSQL does when it compares intervals.
Delay delay_of(const Interval &interval) {
    const DelaySum days = DelaySum{interval.month} * DAYS_PER_MONTH + interval.day;
    const DelaySum delay = days * USECS_PER_DAY + interval.time;
    if (delay < 0 || delay > max_delay)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("delay is out of range"),
                        errdetail("Delays are not negative and not longer than the years 1 to 9999.")));
    return static_cast<Delay>(delay);
}

// The state of the aggregate sum: a count for each bucket, in blocks that are there once they are needed. So adding a
// small histogram to a large one costs as much as the small one.
struct HistogramSum {
    static constexpr std::size_t block_size = 10;
    static constexpr std::size_t block_count = (bucket_count + block_size - 1) / block_size;
    using Block = std::array<std::int64_t, block_size>;

    std::array<Block *, block_count> blocks;
    std::array<std::byte, sizeof(DelaySum)> sum; // palloc aligns to 8 bytes
};

MemoryContext aggregate_context(FunctionCallInfo fcinfo) {
    MemoryContext context = nullptr;
    if (AggCheckCallContext(fcinfo, &context) == 0)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("not called as a part of an aggregate")));
    return context;
}

HistogramSum *sum_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? nullptr : static_cast<HistogramSum *>(static_cast<void *>(PG_GETARG_POINTER(n)));
}

HistogramSum *new_sum(MemoryContext context) {
    return static_cast<HistogramSum *>(MemoryContextAllocZero(context, sizeof(HistogramSum)));
}

void add_to_sum(HistogramSum &state, const DelayHistogram &histogram, MemoryContext context) {
    DelaySum sum = 0;
    std::memcpy(&sum, state.sum.data(), sizeof sum);
    sum += histogram.sum();
    if (sum < -max_delay_sum || sum > max_delay_sum)
        raise_out_of_range();
    std::memcpy(state.sum.data(), &sum, sizeof sum);
    for (const DelayHistogram::Bucket &bucket : histogram.buckets()) {
        HistogramSum::Block *&block = state.blocks[bucket.index / HistogramSum::block_size];
        if (block == nullptr)
            block = static_cast<HistogramSum::Block *>(MemoryContextAllocZero(context, sizeof(HistogramSum::Block)));
        std::int64_t &count = (*block)[bucket.index % HistogramSum::block_size];
        count += bucket.count; // both are within 2^53
        if (count < -max_bucket_count || count > max_bucket_count)
            raise_out_of_range();
    }
}

void read_sum(const HistogramSum &state, DelayHistogram &histogram) {
    DelaySum sum = 0;
    std::memcpy(&sum, state.sum.data(), sizeof sum);
    histogram.clear();
    (void)histogram.set_sum(sum);
    for (std::size_t b = 0; b < HistogramSum::block_count; ++b)
        if (state.blocks[b] != nullptr)
            for (std::size_t i = 0; i < HistogramSum::block_size; ++i)
                if ((*state.blocks[b])[i] != 0)
                    (void)histogram.append(b * HistogramSum::block_size + i, (*state.blocks[b])[i]);
}

template <typename DelayFunction>
Datum delay_of_status(FunctionCallInfo fcinfo, DelayFunction function) {
    const std::optional<Delay> delay = function(PG_GETARG_STATUS(0));
    if (!delay)
        PG_RETURN_NULL();
    return interval_datum(*delay);
}

} // namespace

// Returns the histogram that a text describes: the sum and the counts of buckets, each bucket named by its lower bound,
// all in microseconds. Raises 22P02 for bad syntax and 22003 for a number out of range.
MSGSTATUS_FUNCTION(delay_histogram_in) {
    const char *text = PG_GETARG_CSTRING(0);
    DelayHistogram histogram;
    const HistogramTextFault fault = parse_histogram(text, histogram);
    const std::string_view culprit = fault.culprit;
    switch (fault.error) {
    case HistogramTextError::none:
        break;
    case HistogramTextError::syntax:
        MSGSTATUS_INPUT_ERROR(fcinfo,
                              (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                               errmsg("invalid input syntax for type delay_histogram: \"%.*s\"", shown(text), text),
                               errhint("Write the sum and the counts of the buckets, such as "
                                       "{\"sum\": 3500000, \"buckets\": {\"921600\": 2, \"1638400\": 1}}.")));
    case HistogramTextError::no_bucket:
        MSGSTATUS_INPUT_ERROR(
            fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                     errmsg("invalid bucket of a delay_histogram: \"%.*s\"", shown(culprit), culprit.data()),
                     errhint("Buckets are named by their lower bounds in microseconds and come in ascending order.")));
    case HistogramTextError::out_of_range:
        MSGSTATUS_INPUT_ERROR(
            fcinfo, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                     errmsg("number out of range in a delay_histogram: \"%.*s\"", shown(culprit), culprit.data())));
    }
    return histogram_datum(histogram);
}

// Returns the text that delay_histogram_in reads, with the buckets in ascending order.
MSGSTATUS_FUNCTION(delay_histogram_out) {
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    auto *text = palloc_array(char, max_histogram_text_size + 1);
    text[format_histogram(histogram, text)] = '\0';
    PG_RETURN_CSTRING(text);
}

// Reads the binary form, in network byte order: version, the sum in 16 bytes, the number of buckets, and the index and
// count of each. Raises 22P03 for another version or a malformed histogram.
MSGSTATUS_FUNCTION(delay_histogram_recv) {
    auto *buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const auto version = static_cast<std::uint8_t>(pq_getmsgbyte(buffer));
    if (version != histogram_version)
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("unsupported version %d of binary delay_histogram", version)));
    DelayHistogram histogram;
    const auto high = static_cast<DelaySum>(pq_getmsgint64(buffer));
    const auto low = static_cast<std::uint64_t>(pq_getmsgint64(buffer));
    bool valid = histogram.set_sum(high * (DelaySum{1} << 64) + low);
    for (unsigned left = pq_getmsgint(buffer, sizeof(std::uint16_t)); valid && left > 0; --left) {
        const unsigned index = pq_getmsgint(buffer, sizeof(std::uint16_t));
        const std::int64_t count = pq_getmsgint64(buffer);
        valid = count != 0 && histogram.append(index, count);
    }
    if (!valid)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid binary delay_histogram"),
                 errdetail("Buckets come in ascending order, and their counts are neither 0 nor out of range.")));
    // The caller expects the whole message to be read, and refuses a remainder.
    return histogram_datum(histogram);
}

// Writes the binary form, as delay_histogram_recv reads it.
MSGSTATUS_FUNCTION(delay_histogram_send) {
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    StringInfoData buffer;
    pq_begintypsend(&buffer);
    pq_sendint8(&buffer, histogram_version);
    pq_sendint64(&buffer, static_cast<std::uint64_t>(histogram.sum() >> 64));
    pq_sendint64(&buffer, static_cast<std::uint64_t>(histogram.sum()));
    pq_sendint16(&buffer, static_cast<std::uint16_t>(histogram.buckets().size()));
    for (const DelayHistogram::Bucket &bucket : histogram.buckets()) {
        pq_sendint16(&buffer, bucket.index);
        pq_sendint64(&buffer, static_cast<std::uint64_t>(bucket.count));
    }
    PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

// Returns the histogram of one delay. Raises 22008 for a delay that is negative or longer than the years 1 to 9999.
MSGSTATUS_FUNCTION(delay_histogram_of_delay) {
    DelayHistogram histogram;
    histogram.add(delay_of(*PG_GETARG_INTERVAL_P(0)));
    return histogram_datum(histogram);
}

// Operator +: returns the delays of both histograms. Raises 22003 if a count exceeds 2^53.
MSGSTATUS_FUNCTION(delay_histogram_plus) {
    return combined(fcinfo, 1);
}

// Operator -: returns the delays of the left histogram without those of the right. Raises 22003 if a count exceeds
// 2^53.
MSGSTATUS_FUNCTION(delay_histogram_minus) {
    return combined(fcinfo, -1);
}

// Prefix operator -: returns the histogram that subtracts these delays when it is added.
MSGSTATUS_FUNCTION(delay_histogram_negative) {
    DelayHistogram negated;
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    negated.merge(histogram, -1); // the limits are symmetric
    return histogram_datum(negated);
}

// The aggregate sum adds a histogram to its state; a NULL adds nothing. Raises 22003 if a count exceeds 2^53.
MSGSTATUS_FUNCTION(delay_histogram_sum_add) {
    const MemoryContext context = aggregate_context(fcinfo);
    HistogramSum *state = sum_argument(fcinfo, 0);
    if (!PG_ARGISNULL(1)) {
        DelayHistogram histogram;
        read_histogram(PG_GETARG_DATUM(1), histogram);
        if (state == nullptr)
            state = new_sum(context);
        add_to_sum(*state, histogram, context);
    }
    if (state == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
}

// The aggregate sum adds a state to another, which parallel workers made.
MSGSTATUS_FUNCTION(delay_histogram_sum_combine) {
    const MemoryContext context = aggregate_context(fcinfo);
    HistogramSum *state = sum_argument(fcinfo, 0);
    const HistogramSum *other = sum_argument(fcinfo, 1);
    if (other != nullptr) {
        DelayHistogram histogram;
        read_sum(*other, histogram);
        if (state == nullptr)
            state = new_sum(context);
        add_to_sum(*state, histogram, context);
    }
    if (state == nullptr)
        PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
}

// The aggregate sum passes its state on as the bytes of a histogram.
MSGSTATUS_FUNCTION(delay_histogram_sum_serialize) {
    (void)aggregate_context(fcinfo);
    DelayHistogram histogram;
    read_sum(*sum_argument(fcinfo, 0), histogram);
    return histogram_datum(histogram);
}

// The aggregate sum takes its state from the bytes of a histogram.
MSGSTATUS_FUNCTION(delay_histogram_sum_deserialize) {
    (void)aggregate_context(fcinfo);
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    HistogramSum *state = new_sum(CurrentMemoryContext);
    add_to_sum(*state, histogram, CurrentMemoryContext);
    PG_RETURN_POINTER(state);
}

// The aggregate sum ends with the histogram of its state.
MSGSTATUS_FUNCTION(delay_histogram_sum_result) {
    (void)aggregate_context(fcinfo);
    DelayHistogram histogram;
    read_sum(*sum_argument(fcinfo, 0), histogram);
    return histogram_datum(histogram);
}

// Operators = and <>: compare two histograms. Equal values have equal bytes.
MSGSTATUS_FUNCTION(delay_histogram_eq) {
    PG_RETURN_BOOL(same_bytes(fcinfo));
}
MSGSTATUS_FUNCTION(delay_histogram_ne) {
    PG_RETURN_BOOL(!same_bytes(fcinfo));
}

// Returns the 32-bit hash of a histogram.
MSGSTATUS_FUNCTION(delay_histogram_hash) {
    const auto bytes = bytes_of_argument(fcinfo, 0);
    return UInt32GetDatum(
        hash_bytes(reinterpret_cast<const unsigned char *>(bytes.data()), static_cast<int>(bytes.size())));
}

// Returns the 64-bit hash of a histogram with the seed in argument 2.
MSGSTATUS_FUNCTION(delay_histogram_hash_extended) {
    const auto bytes = bytes_of_argument(fcinfo, 0);
    return UInt64GetDatum(hash_bytes_extended(reinterpret_cast<const unsigned char *>(bytes.data()),
                                              static_cast<int>(bytes.size()), static_cast<uint64>(PG_GETARG_INT64(1))));
}

// Returns the number of delays.
MSGSTATUS_FUNCTION(delay_histogram_count) {
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    PG_RETURN_INT64(histogram.count());
}

// Returns the exact sum of the delays. Raises 22008 if an interval cannot hold it.
MSGSTATUS_FUNCTION(delay_histogram_total) {
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    return wide_interval_datum(histogram.sum());
}

// Returns the mean delay, to the microsecond; NULL if there is no delay.
MSGSTATUS_FUNCTION(delay_histogram_average) {
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    const auto average = histogram.average();
    if (!average)
        PG_RETURN_NULL();
    return wide_interval_datum(*average);
}

// Returns the delay that the given fraction of all delays does not exceed, within 5 % of percentile_disc, or within a
// millisecond if it is shorter than one; NULL if there is no delay. Raises 22003 for a fraction outside 0 to 1.
MSGSTATUS_FUNCTION(delay_histogram_percentile) {
    const double fraction = fraction_argument(fcinfo);
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    const auto delay = histogram.percentile(fraction);
    if (!delay)
        PG_RETURN_NULL();
    return interval_datum(*delay);
}

// Returns the percentile in seconds, with two significant digits and no finer than a millisecond; NULL if there is no
// delay. The value is consistent with the exact average (DelayHistogram::shown_percentile). Raises 22003 for a fraction
// outside 0 to 1.
MSGSTATUS_FUNCTION(delay_histogram_percentile_seconds) {
    const double fraction = fraction_argument(fcinfo);
    DelayHistogram histogram;
    read_histogram(PG_GETARG_DATUM(0), histogram);
    const auto delay = histogram.shown_percentile(fraction);
    if (!delay)
        PG_RETURN_NULL();
    return seconds_datum(*delay);
}

// Returns the time from sent to delivered; NULL if sent was not itself observed, or delivered was not reached.
MSGSTATUS_FUNCTION(message_status_delivery_delay) {
    return delay_of_status(fcinfo, delivery_delay);
}

// Returns the time from delivered to read; NULL if delivered was not itself observed, or read was not reached.
MSGSTATUS_FUNCTION(message_status_read_delay) {
    return delay_of_status(fcinfo, read_delay);
}

// Returns the time from the first observation to the failure, 0 if the failure is the first; NULL if the state is no
// failure, or if nothing else was observed.
MSGSTATUS_FUNCTION(message_status_failure_delay) {
    return delay_of_status(fcinfo, failure_delay);
}
