-- message_status: all states observed of one message, with their times, merged; its operators, its operator classes, its
-- aggregate and its casts.

CREATE TYPE msgstatus.message_status;

CREATE FUNCTION msgstatus.message_status_in(cstring) RETURNS msgstatus.message_status
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_in';
COMMENT ON FUNCTION msgstatus.message_status_in(cstring) IS 'Reads an object of states and ISO 8601 times; 22P02 or 22007 for another text';

CREATE FUNCTION msgstatus.message_status_out(msgstatus.message_status) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_out';
COMMENT ON FUNCTION msgstatus.message_status_out(msgstatus.message_status) IS 'Writes the observed states in ascending order, with their times in UTC';

CREATE FUNCTION msgstatus.message_status_recv(internal) RETURNS msgstatus.message_status
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_recv';
COMMENT ON FUNCTION msgstatus.message_status_recv(internal) IS 'Reads the binary form; 22P03 for a malformed one';

CREATE FUNCTION msgstatus.message_status_send(msgstatus.message_status) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_send';
COMMENT ON FUNCTION msgstatus.message_status_send(msgstatus.message_status) IS 'Writes the binary form: version, set of states, times in microseconds since 2000';

CREATE TYPE msgstatus.message_status (
    INPUT = msgstatus.message_status_in,
    OUTPUT = msgstatus.message_status_out,
    RECEIVE = msgstatus.message_status_recv,
    SEND = msgstatus.message_status_send,
    INTERNALLENGTH = VARIABLE,
    -- Not plain, so that a row stores it with a header of one byte; never worth compressing.
    STORAGE = main
);
COMMENT ON TYPE msgstatus.message_status IS 'All observations of one message, merged: per state the earliest event time';

CREATE FUNCTION msgstatus.message_status(msgstatus.delivery_state, timestamptz) RETURNS msgstatus.message_status
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_observation';
COMMENT ON FUNCTION msgstatus.message_status(msgstatus.delivery_state, timestamptz) IS 'The status that holds one observation; 22008 for a time outside the years 1 to 9999';

CREATE FUNCTION msgstatus.message_status_merge(msgstatus.message_status, msgstatus.message_status) RETURNS msgstatus.message_status
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_merge';
COMMENT ON FUNCTION msgstatus.message_status_merge(msgstatus.message_status, msgstatus.message_status) IS 'implementation of || operator';

CREATE FUNCTION msgstatus.message_status_contained(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_contained';
COMMENT ON FUNCTION msgstatus.message_status_contained(msgstatus.message_status, msgstatus.message_status) IS 'implementation of <@ operator';

CREATE FUNCTION msgstatus.message_status_contains(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_contains';
COMMENT ON FUNCTION msgstatus.message_status_contains(msgstatus.message_status, msgstatus.message_status) IS 'implementation of @> operator';

CREATE OPERATOR msgstatus.|| (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_merge,
    COMMUTATOR = OPERATOR(msgstatus.||)
);
COMMENT ON OPERATOR msgstatus.|| (msgstatus.message_status, msgstatus.message_status) IS 'merge: per state the earlier time';

CREATE OPERATOR msgstatus.<@ (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_contained,
    COMMUTATOR = OPERATOR(msgstatus.@>), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR msgstatus.<@ (msgstatus.message_status, msgstatus.message_status) IS 'whether merging the left status into the right one changes nothing';

CREATE OPERATOR msgstatus.@> (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_contains,
    COMMUTATOR = OPERATOR(msgstatus.<@), RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR msgstatus.@> (msgstatus.message_status, msgstatus.message_status) IS 'whether merging the right status into the left one changes nothing';

-- The merge is its own transition and combine function, so the aggregate needs no state type.
CREATE AGGREGATE msgstatus.merge_agg(msgstatus.message_status) (
    SFUNC = msgstatus.message_status_merge, STYPE = msgstatus.message_status, COMBINEFUNC = msgstatus.message_status_merge,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE msgstatus.merge_agg(msgstatus.message_status) IS 'The merge of all statuses; NULL if there are none';

CREATE FUNCTION msgstatus.message_status_eq(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_eq';
COMMENT ON FUNCTION msgstatus.message_status_eq(msgstatus.message_status, msgstatus.message_status) IS 'implementation of = operator';

CREATE FUNCTION msgstatus.message_status_ne(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_ne';
COMMENT ON FUNCTION msgstatus.message_status_ne(msgstatus.message_status, msgstatus.message_status) IS 'implementation of <> operator';

CREATE FUNCTION msgstatus.message_status_lt(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_lt';
COMMENT ON FUNCTION msgstatus.message_status_lt(msgstatus.message_status, msgstatus.message_status) IS 'implementation of < operator';

CREATE FUNCTION msgstatus.message_status_le(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_le';
COMMENT ON FUNCTION msgstatus.message_status_le(msgstatus.message_status, msgstatus.message_status) IS 'implementation of <= operator';

CREATE FUNCTION msgstatus.message_status_gt(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_gt';
COMMENT ON FUNCTION msgstatus.message_status_gt(msgstatus.message_status, msgstatus.message_status) IS 'implementation of > operator';

CREATE FUNCTION msgstatus.message_status_ge(msgstatus.message_status, msgstatus.message_status) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_ge';
COMMENT ON FUNCTION msgstatus.message_status_ge(msgstatus.message_status, msgstatus.message_status) IS 'implementation of >= operator';

CREATE FUNCTION msgstatus.message_status_cmp(msgstatus.message_status, msgstatus.message_status) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_cmp';
COMMENT ON FUNCTION msgstatus.message_status_cmp(msgstatus.message_status, msgstatus.message_status) IS 'Three-way comparison for btree';

CREATE FUNCTION msgstatus.message_status_hash(msgstatus.message_status) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_hash';
COMMENT ON FUNCTION msgstatus.message_status_hash(msgstatus.message_status) IS 'Hash';

CREATE FUNCTION msgstatus.message_status_hash_extended(msgstatus.message_status, bigint) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_hash_extended';
COMMENT ON FUNCTION msgstatus.message_status_hash_extended(msgstatus.message_status, bigint) IS 'Hash with a seed';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (msgstatus.message_status, msgstatus.message_status) IS 'equal';

CREATE OPERATOR pg_catalog.<> (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (msgstatus.message_status, msgstatus.message_status) IS 'not equal';

CREATE OPERATOR pg_catalog.< (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (msgstatus.message_status, msgstatus.message_status) IS 'less than';

CREATE OPERATOR pg_catalog.<= (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (msgstatus.message_status, msgstatus.message_status) IS 'less than or equal';

CREATE OPERATOR pg_catalog.> (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (msgstatus.message_status, msgstatus.message_status) IS 'greater than';

CREATE OPERATOR pg_catalog.>= (
    LEFTARG = msgstatus.message_status, RIGHTARG = msgstatus.message_status, FUNCTION = msgstatus.message_status_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (msgstatus.message_status, msgstatus.message_status) IS 'greater than or equal';

CREATE OPERATOR FAMILY msgstatus.message_status_ops USING btree;
COMMENT ON OPERATOR FAMILY msgstatus.message_status_ops USING btree IS 'Order of message_status';
CREATE OPERATOR CLASS msgstatus.message_status_ops DEFAULT FOR TYPE msgstatus.message_status USING btree FAMILY msgstatus.message_status_ops AS
    OPERATOR 1 pg_catalog.<,
    OPERATOR 2 pg_catalog.<=,
    OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=,
    OPERATOR 5 pg_catalog.>,
    FUNCTION 1 msgstatus.message_status_cmp(msgstatus.message_status, msgstatus.message_status),
    -- Equal values have equal bytes, so an index may store duplicates once.
    FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS msgstatus.message_status_ops USING btree IS 'Order of message_status';

CREATE OPERATOR FAMILY msgstatus.message_status_ops USING hash;
COMMENT ON OPERATOR FAMILY msgstatus.message_status_ops USING hash IS 'Equality of message_status';
CREATE OPERATOR CLASS msgstatus.message_status_ops DEFAULT FOR TYPE msgstatus.message_status USING hash FAMILY msgstatus.message_status_ops AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 msgstatus.message_status_hash(msgstatus.message_status),
    FUNCTION 2 msgstatus.message_status_hash_extended(msgstatus.message_status, bigint);
COMMENT ON OPERATOR CLASS msgstatus.message_status_ops USING hash IS 'Equality of message_status';

CREATE FUNCTION msgstatus.state(msgstatus.message_status) RETURNS msgstatus.delivery_state
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_state';
COMMENT ON FUNCTION msgstatus.state(msgstatus.message_status) IS 'The highest state observed; NULL for the empty status';

CREATE FUNCTION msgstatus.observed_at(msgstatus.message_status, msgstatus.delivery_state) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_observed_at';
COMMENT ON FUNCTION msgstatus.observed_at(msgstatus.message_status, msgstatus.delivery_state) IS 'The event time of exactly this state, or NULL';

CREATE FUNCTION msgstatus.reached_at(msgstatus.message_status, msgstatus.delivery_state) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_reached_at';
COMMENT ON FUNCTION msgstatus.reached_at(msgstatus.message_status, msgstatus.delivery_state) IS 'The earliest time of an observation that implies the state, or NULL';

CREATE FUNCTION msgstatus.status_change(msgstatus.message_status, msgstatus.message_status) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_change';
COMMENT ON FUNCTION msgstatus.status_change(msgstatus.message_status, msgstatus.message_status) IS
    'What merging the second status into the first changes: a bit for each state added (2 to the power of its place in the order), and 131072 if the time of a known state becomes earlier';

CREATE FUNCTION msgstatus.message_status_reached(msgstatus.message_status, text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_reached';
COMMENT ON FUNCTION msgstatus.message_status_reached(msgstatus.message_status, text) IS 'implementation of ? operator';

CREATE FUNCTION msgstatus.message_status_reached_any(msgstatus.message_status, text[]) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_reached_any';
COMMENT ON FUNCTION msgstatus.message_status_reached_any(msgstatus.message_status, text[]) IS 'implementation of ?| operator';

CREATE FUNCTION msgstatus.message_status_reached_all(msgstatus.message_status, text[]) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_reached_all';
COMMENT ON FUNCTION msgstatus.message_status_reached_all(msgstatus.message_status, text[]) IS 'implementation of ?& operator';

CREATE FUNCTION msgstatus.message_status_time(msgstatus.message_status, text) RETURNS timestamptz
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_time';
COMMENT ON FUNCTION msgstatus.message_status_time(msgstatus.message_status, text) IS 'implementation of -> operator';

CREATE FUNCTION msgstatus.message_status_time_text(msgstatus.message_status, text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_time_text';
COMMENT ON FUNCTION msgstatus.message_status_time_text(msgstatus.message_status, text) IS 'implementation of ->> operator';

CREATE OPERATOR msgstatus.? (
    LEFTARG = msgstatus.message_status, RIGHTARG = text, FUNCTION = msgstatus.message_status_reached,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR msgstatus.? (msgstatus.message_status, text) IS 'whether the state was reached';

CREATE OPERATOR msgstatus.?| (
    LEFTARG = msgstatus.message_status, RIGHTARG = text[], FUNCTION = msgstatus.message_status_reached_any,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR msgstatus.?| (msgstatus.message_status, text[]) IS 'whether any of the states was reached';

CREATE OPERATOR msgstatus.?& (
    LEFTARG = msgstatus.message_status, RIGHTARG = text[], FUNCTION = msgstatus.message_status_reached_all,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR msgstatus.?& (msgstatus.message_status, text[]) IS 'whether all of the states were reached';

CREATE OPERATOR msgstatus.-> (
    LEFTARG = msgstatus.message_status, RIGHTARG = text, FUNCTION = msgstatus.message_status_time
);
COMMENT ON OPERATOR msgstatus.-> (msgstatus.message_status, text) IS 'when the state was reached';

CREATE OPERATOR msgstatus.->> (
    LEFTARG = msgstatus.message_status, RIGHTARG = text, FUNCTION = msgstatus.message_status_time_text
);
COMMENT ON OPERATOR msgstatus.->> (msgstatus.message_status, text) IS 'when the state was reached, as ISO 8601 text';

CREATE FUNCTION msgstatus.message_status_to_jsonb(msgstatus.message_status) RETURNS jsonb
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_to_jsonb';
COMMENT ON FUNCTION msgstatus.message_status_to_jsonb(msgstatus.message_status) IS 'The timeline of reached states, observed or implied';

CREATE FUNCTION msgstatus.message_status_from_jsonb(jsonb) RETURNS msgstatus.message_status
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'message_status_from_jsonb';
COMMENT ON FUNCTION msgstatus.message_status_from_jsonb(jsonb) IS 'The status of an observed timeline; 22023, 22P02 or 22007 for another value';

CREATE CAST (msgstatus.message_status AS jsonb) WITH FUNCTION msgstatus.message_status_to_jsonb(msgstatus.message_status);
COMMENT ON CAST (msgstatus.message_status AS jsonb) IS 'the timeline of reached states';
CREATE CAST (jsonb AS msgstatus.message_status) WITH FUNCTION msgstatus.message_status_from_jsonb(jsonb);
COMMENT ON CAST (jsonb AS msgstatus.message_status) IS 'the status of an observed timeline';
