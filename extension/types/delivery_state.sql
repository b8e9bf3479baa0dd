-- delivery_state: the totally ordered label of a state, its operators, its operator classes, min and max.

CREATE TYPE msgstatus.delivery_state;

CREATE FUNCTION msgstatus.delivery_state_in(cstring) RETURNS msgstatus.delivery_state
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_in';
COMMENT ON FUNCTION msgstatus.delivery_state_in(cstring) IS 'Reads a label or a provider''s synonym in any case; 22P02 for another text';

CREATE FUNCTION msgstatus.delivery_state_out(msgstatus.delivery_state) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_out';
COMMENT ON FUNCTION msgstatus.delivery_state_out(msgstatus.delivery_state) IS 'Writes the canonical label';

CREATE FUNCTION msgstatus.delivery_state_recv(internal) RETURNS msgstatus.delivery_state
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_recv';
COMMENT ON FUNCTION msgstatus.delivery_state_recv(internal) IS 'Reads the label from the binary protocol';

CREATE FUNCTION msgstatus.delivery_state_send(msgstatus.delivery_state) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_send';
COMMENT ON FUNCTION msgstatus.delivery_state_send(msgstatus.delivery_state) IS 'Writes the label for the binary protocol';

CREATE TYPE msgstatus.delivery_state (
    INPUT = msgstatus.delivery_state_in,
    OUTPUT = msgstatus.delivery_state_out,
    RECEIVE = msgstatus.delivery_state_recv,
    SEND = msgstatus.delivery_state_send,
    INTERNALLENGTH = 1,
    PASSEDBYVALUE,
    ALIGNMENT = char,
    STORAGE = plain
);
COMMENT ON TYPE msgstatus.delivery_state IS 'A state of a message, such as sent or read; ordered from processing to played';

-- LEAKPROOF, because the functions compare two bytes and raise no error. So a condition on the state can be pushed into the
-- views, which are security barriers.
CREATE FUNCTION msgstatus.delivery_state_eq(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_eq';
COMMENT ON FUNCTION msgstatus.delivery_state_eq(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of = operator';

CREATE FUNCTION msgstatus.delivery_state_ne(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_ne';
COMMENT ON FUNCTION msgstatus.delivery_state_ne(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of <> operator';

CREATE FUNCTION msgstatus.delivery_state_lt(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_lt';
COMMENT ON FUNCTION msgstatus.delivery_state_lt(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of < operator';

CREATE FUNCTION msgstatus.delivery_state_le(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_le';
COMMENT ON FUNCTION msgstatus.delivery_state_le(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of <= operator';

CREATE FUNCTION msgstatus.delivery_state_gt(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_gt';
COMMENT ON FUNCTION msgstatus.delivery_state_gt(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of > operator';

CREATE FUNCTION msgstatus.delivery_state_ge(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_ge';
COMMENT ON FUNCTION msgstatus.delivery_state_ge(msgstatus.delivery_state, msgstatus.delivery_state) IS 'implementation of >= operator';

CREATE FUNCTION msgstatus.delivery_state_cmp(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_cmp';
COMMENT ON FUNCTION msgstatus.delivery_state_cmp(msgstatus.delivery_state, msgstatus.delivery_state) IS 'Three-way comparison for btree';

CREATE FUNCTION msgstatus.delivery_state_hash(msgstatus.delivery_state) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_hash';
COMMENT ON FUNCTION msgstatus.delivery_state_hash(msgstatus.delivery_state) IS 'Hash';

CREATE FUNCTION msgstatus.delivery_state_hash_extended(msgstatus.delivery_state, bigint) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_hash_extended';
COMMENT ON FUNCTION msgstatus.delivery_state_hash_extended(msgstatus.delivery_state, bigint) IS 'Hash with a seed';

-- Comparisons, min and max are in pg_catalog, like those of PostgreSQL's own types, so that `state = 'read'` works in every
-- search_path. They take only types of the extension, so they change the meaning of no other expression. The operators of
-- message_status with the names of jsonb's operators are not in pg_catalog: there, `unknown ? unknown` would become ambiguous.
CREATE OPERATOR pg_catalog.= (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel,
    HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (msgstatus.delivery_state, msgstatus.delivery_state) IS 'equal';

CREATE OPERATOR pg_catalog.<> (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (msgstatus.delivery_state, msgstatus.delivery_state) IS 'not equal';

CREATE OPERATOR pg_catalog.< (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (msgstatus.delivery_state, msgstatus.delivery_state) IS 'less than';

CREATE OPERATOR pg_catalog.<= (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (msgstatus.delivery_state, msgstatus.delivery_state) IS 'less than or equal';

CREATE OPERATOR pg_catalog.> (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (msgstatus.delivery_state, msgstatus.delivery_state) IS 'greater than';

CREATE OPERATOR pg_catalog.>= (
    LEFTARG = msgstatus.delivery_state, RIGHTARG = msgstatus.delivery_state, FUNCTION = msgstatus.delivery_state_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (msgstatus.delivery_state, msgstatus.delivery_state) IS 'greater than or equal';

CREATE OPERATOR FAMILY msgstatus.delivery_state_ops USING btree;
COMMENT ON OPERATOR FAMILY msgstatus.delivery_state_ops USING btree IS 'Order of delivery_state';
CREATE OPERATOR CLASS msgstatus.delivery_state_ops DEFAULT FOR TYPE msgstatus.delivery_state USING btree FAMILY msgstatus.delivery_state_ops AS
    OPERATOR 1 pg_catalog.<,
    OPERATOR 2 pg_catalog.<=,
    OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=,
    OPERATOR 5 pg_catalog.>,
    FUNCTION 1 msgstatus.delivery_state_cmp(msgstatus.delivery_state, msgstatus.delivery_state),
    -- Equal values have equal bytes, so an index may store duplicates once.
    FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS msgstatus.delivery_state_ops USING btree IS 'Order of delivery_state';

CREATE OPERATOR FAMILY msgstatus.delivery_state_ops USING hash;
COMMENT ON OPERATOR FAMILY msgstatus.delivery_state_ops USING hash IS 'Equality of delivery_state';
CREATE OPERATOR CLASS msgstatus.delivery_state_ops DEFAULT FOR TYPE msgstatus.delivery_state USING hash FAMILY msgstatus.delivery_state_ops AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 msgstatus.delivery_state_hash(msgstatus.delivery_state),
    FUNCTION 2 msgstatus.delivery_state_hash_extended(msgstatus.delivery_state, bigint);
COMMENT ON OPERATOR CLASS msgstatus.delivery_state_ops USING hash IS 'Equality of delivery_state';

CREATE FUNCTION msgstatus.delivery_state_larger(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS msgstatus.delivery_state
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_larger';
COMMENT ON FUNCTION msgstatus.delivery_state_larger(msgstatus.delivery_state, msgstatus.delivery_state) IS 'The larger of two states';

CREATE AGGREGATE pg_catalog.max(msgstatus.delivery_state) (
    SFUNC = msgstatus.delivery_state_larger, STYPE = msgstatus.delivery_state, COMBINEFUNC = msgstatus.delivery_state_larger,
    SORTOP = OPERATOR(pg_catalog.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.max(msgstatus.delivery_state) IS 'The highest state';

CREATE FUNCTION msgstatus.delivery_state_smaller(msgstatus.delivery_state, msgstatus.delivery_state) RETURNS msgstatus.delivery_state
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_smaller';
COMMENT ON FUNCTION msgstatus.delivery_state_smaller(msgstatus.delivery_state, msgstatus.delivery_state) IS 'The smaller of two states';

CREATE AGGREGATE pg_catalog.min(msgstatus.delivery_state) (
    SFUNC = msgstatus.delivery_state_smaller, STYPE = msgstatus.delivery_state, COMBINEFUNC = msgstatus.delivery_state_smaller,
    SORTOP = OPERATOR(pg_catalog.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.min(msgstatus.delivery_state) IS 'The lowest state';

CREATE FUNCTION msgstatus.is_failure(msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_is_failure';
COMMENT ON FUNCTION msgstatus.is_failure(msgstatus.delivery_state) IS 'Whether the provider named a reason why the message did not arrive: failed, undelivered';

CREATE FUNCTION msgstatus.is_final(msgstatus.delivery_state) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'delivery_state_is_final';
COMMENT ON FUNCTION msgstatus.is_final(msgstatus.delivery_state) IS 'Whether the provider finished its attempt: received, partially_delivered, skipped, canceled, failed, undelivered, delivered, read, played';

-- Drivers send typed texts, which are no unknown literals: without these, `state = $1` would find no operator. Nothing casts a state
-- to text implicitly, because then `state >= $1` would compare by the alphabet.
CREATE CAST (text AS msgstatus.delivery_state) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (text AS msgstatus.delivery_state) IS 'A state by its label, as a parameter of a driver';
CREATE CAST (varchar AS msgstatus.delivery_state) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (varchar AS msgstatus.delivery_state) IS 'A state by its label, as a parameter of a driver';
