-- delay_histogram: counts of delays that can be added and subtracted, and that return averages and percentiles.

CREATE TYPE msgstatus.delay_histogram;

CREATE FUNCTION msgstatus.delay_histogram_in(cstring) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_in';
COMMENT ON FUNCTION msgstatus.delay_histogram_in(cstring) IS
    'Reads the sum and the counts of buckets, named by their lower bounds, in microseconds; 22P02 or 22003 for another text';

CREATE FUNCTION msgstatus.delay_histogram_out(msgstatus.delay_histogram) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_out';
COMMENT ON FUNCTION msgstatus.delay_histogram_out(msgstatus.delay_histogram) IS
    'Writes the sum and the counts of the buckets, in microseconds';

CREATE FUNCTION msgstatus.delay_histogram_recv(internal) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_recv';
COMMENT ON FUNCTION msgstatus.delay_histogram_recv(internal) IS 'Reads the binary form; 22P03 for a malformed one';

CREATE FUNCTION msgstatus.delay_histogram_send(msgstatus.delay_histogram) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_send';
COMMENT ON FUNCTION msgstatus.delay_histogram_send(msgstatus.delay_histogram) IS
    'Writes the binary form: version, sum, number of buckets, index and count of each';

CREATE TYPE msgstatus.delay_histogram (
    INPUT = msgstatus.delay_histogram_in,
    OUTPUT = msgstatus.delay_histogram_out,
    RECEIVE = msgstatus.delay_histogram_recv,
    SEND = msgstatus.delay_histogram_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = main
);
COMMENT ON TYPE msgstatus.delay_histogram IS
    'Delays: their number, their sum and their distribution, within 5 %; can be added and subtracted';

CREATE FUNCTION msgstatus.delay_histogram(interval) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_of_delay';
COMMENT ON FUNCTION msgstatus.delay_histogram(interval) IS
    'The histogram of one delay; 22008 for a delay that is negative or longer than the years 1 to 9999';

CREATE FUNCTION msgstatus.delay_histogram_plus(msgstatus.delay_histogram, msgstatus.delay_histogram) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_plus';
COMMENT ON FUNCTION msgstatus.delay_histogram_plus(msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'implementation of + operator';

CREATE FUNCTION msgstatus.delay_histogram_minus(msgstatus.delay_histogram, msgstatus.delay_histogram) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_minus';
COMMENT ON FUNCTION msgstatus.delay_histogram_minus(msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'implementation of - operator';

CREATE FUNCTION msgstatus.delay_histogram_negative(msgstatus.delay_histogram) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_negative';
COMMENT ON FUNCTION msgstatus.delay_histogram_negative(msgstatus.delay_histogram) IS 'implementation of - operator';

CREATE OPERATOR msgstatus.+ (
    LEFTARG = msgstatus.delay_histogram, RIGHTARG = msgstatus.delay_histogram, FUNCTION = msgstatus.delay_histogram_plus,
    COMMUTATOR = OPERATOR(msgstatus.+)
);
COMMENT ON OPERATOR msgstatus.+ (msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'the delays of both; 22003 beyond 2^53 in a bucket';

CREATE OPERATOR msgstatus.- (
    LEFTARG = msgstatus.delay_histogram, RIGHTARG = msgstatus.delay_histogram, FUNCTION = msgstatus.delay_histogram_minus
);
COMMENT ON OPERATOR msgstatus.- (msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'the delays of the left without those of the right; 22003 beyond 2^53 in a bucket';

CREATE OPERATOR msgstatus.- (
    RIGHTARG = msgstatus.delay_histogram, FUNCTION = msgstatus.delay_histogram_negative
);
COMMENT ON OPERATOR msgstatus.- (NONE, msgstatus.delay_histogram) IS 'the histogram that subtracts these delays when it is added';

CREATE FUNCTION msgstatus.delay_histogram_sum_add(internal, msgstatus.delay_histogram) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_sum_add';
COMMENT ON FUNCTION msgstatus.delay_histogram_sum_add(internal, msgstatus.delay_histogram) IS 'transition function of the aggregate sum';

CREATE FUNCTION msgstatus.delay_histogram_sum_combine(internal, internal) RETURNS internal
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_sum_combine';
COMMENT ON FUNCTION msgstatus.delay_histogram_sum_combine(internal, internal) IS 'combine function of the aggregate sum';

CREATE FUNCTION msgstatus.delay_histogram_sum_serialize(internal) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_sum_serialize';
COMMENT ON FUNCTION msgstatus.delay_histogram_sum_serialize(internal) IS 'serialization function of the aggregate sum';

CREATE FUNCTION msgstatus.delay_histogram_sum_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_sum_deserialize';
COMMENT ON FUNCTION msgstatus.delay_histogram_sum_deserialize(bytea, internal) IS 'deserialization function of the aggregate sum';

CREATE FUNCTION msgstatus.delay_histogram_sum_result(internal) RETURNS msgstatus.delay_histogram
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_sum_result';
COMMENT ON FUNCTION msgstatus.delay_histogram_sum_result(internal) IS 'final function of the aggregate sum';

-- The state holds counts ready to be added to. As a histogram it would be unpacked and packed again for each row.
CREATE AGGREGATE msgstatus.sum(msgstatus.delay_histogram) (
    SFUNC = msgstatus.delay_histogram_sum_add, STYPE = internal, SSPACE = 1500, FINALFUNC = msgstatus.delay_histogram_sum_result,
    COMBINEFUNC = msgstatus.delay_histogram_sum_combine, SERIALFUNC = msgstatus.delay_histogram_sum_serialize,
    DESERIALFUNC = msgstatus.delay_histogram_sum_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE msgstatus.sum(msgstatus.delay_histogram) IS 'The delays of all histograms; NULL if there are none';

CREATE FUNCTION msgstatus.delay_histogram_eq(msgstatus.delay_histogram, msgstatus.delay_histogram) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_eq';
COMMENT ON FUNCTION msgstatus.delay_histogram_eq(msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'implementation of = operator';

CREATE FUNCTION msgstatus.delay_histogram_ne(msgstatus.delay_histogram, msgstatus.delay_histogram) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_ne';
COMMENT ON FUNCTION msgstatus.delay_histogram_ne(msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'implementation of <> operator';

CREATE FUNCTION msgstatus.delay_histogram_hash(msgstatus.delay_histogram) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_hash';
COMMENT ON FUNCTION msgstatus.delay_histogram_hash(msgstatus.delay_histogram) IS 'Hash';

CREATE FUNCTION msgstatus.delay_histogram_hash_extended(msgstatus.delay_histogram, bigint) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_hash_extended';
COMMENT ON FUNCTION msgstatus.delay_histogram_hash_extended(msgstatus.delay_histogram, bigint) IS 'Hash with a seed';

CREATE OPERATOR msgstatus.= (
    LEFTARG = msgstatus.delay_histogram, RIGHTARG = msgstatus.delay_histogram, FUNCTION = msgstatus.delay_histogram_eq,
    COMMUTATOR = OPERATOR(msgstatus.=), NEGATOR = OPERATOR(msgstatus.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel,
    HASHES
);
COMMENT ON OPERATOR msgstatus.= (msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'equal';

CREATE OPERATOR msgstatus.<> (
    LEFTARG = msgstatus.delay_histogram, RIGHTARG = msgstatus.delay_histogram, FUNCTION = msgstatus.delay_histogram_ne,
    COMMUTATOR = OPERATOR(msgstatus.<>), NEGATOR = OPERATOR(msgstatus.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR msgstatus.<> (msgstatus.delay_histogram, msgstatus.delay_histogram) IS 'not equal';

CREATE OPERATOR FAMILY msgstatus.delay_histogram_hash_ops USING hash;
COMMENT ON OPERATOR FAMILY msgstatus.delay_histogram_hash_ops USING hash IS 'Equality of delay histograms';

CREATE OPERATOR CLASS msgstatus.delay_histogram_hash_ops DEFAULT FOR TYPE msgstatus.delay_histogram USING hash
    FAMILY msgstatus.delay_histogram_hash_ops AS
    OPERATOR 1 msgstatus.=,
    FUNCTION 1 msgstatus.delay_histogram_hash(msgstatus.delay_histogram),
    FUNCTION 2 msgstatus.delay_histogram_hash_extended(msgstatus.delay_histogram, bigint);
COMMENT ON OPERATOR CLASS msgstatus.delay_histogram_hash_ops USING hash IS 'Hash of delay histograms';

CREATE FUNCTION msgstatus.count(msgstatus.delay_histogram) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_count';
COMMENT ON FUNCTION msgstatus.count(msgstatus.delay_histogram) IS 'The number of delays in one histogram';

CREATE FUNCTION msgstatus.total(msgstatus.delay_histogram) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_total';
COMMENT ON FUNCTION msgstatus.total(msgstatus.delay_histogram) IS 'The exact sum of the delays; 22008 if an interval cannot hold it';

CREATE FUNCTION msgstatus.average(msgstatus.delay_histogram) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_average';
COMMENT ON FUNCTION msgstatus.average(msgstatus.delay_histogram) IS 'The mean delay, to the microsecond; NULL if there is no delay';

CREATE FUNCTION msgstatus.percentile(msgstatus.delay_histogram, double precision) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_percentile';
COMMENT ON FUNCTION msgstatus.percentile(msgstatus.delay_histogram, double precision) IS
    'The delay that this fraction of all delays does not exceed, within 5 % of percentile_disc, or within a millisecond if shorter than one; NULL if there is no delay; 22003 for a fraction outside 0 to 1';

CREATE FUNCTION msgstatus.percentile_seconds(msgstatus.delay_histogram, double precision) RETURNS numeric
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delay_histogram_percentile_seconds';
COMMENT ON FUNCTION msgstatus.percentile_seconds(msgstatus.delay_histogram, double precision) IS
    'The percentile in seconds, with two digits and no finer than a millisecond, consistent with the average; NULL if there is no delay; 22003 for a fraction outside 0 to 1';

CREATE FUNCTION msgstatus.delivery_delay(msgstatus.message_status) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_delivery_delay';
COMMENT ON FUNCTION msgstatus.delivery_delay(msgstatus.message_status) IS
    'The time from sent to delivered; NULL if sent was not itself observed or delivered was not reached';

CREATE FUNCTION msgstatus.read_delay(msgstatus.message_status) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_read_delay';
COMMENT ON FUNCTION msgstatus.read_delay(msgstatus.message_status) IS
    'The time from delivered to read; NULL if delivered was not itself observed or read was not reached';

CREATE FUNCTION msgstatus.failure_delay(msgstatus.message_status) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_failure_delay';
COMMENT ON FUNCTION msgstatus.failure_delay(msgstatus.message_status) IS
    'The time from the first observation to the failure, 0 if the failure came first; NULL if the state is no failure or nothing else was observed';
