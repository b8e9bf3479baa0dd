-- Stand-ins: what roles without access to `message` are shown in place of message ids. An id can hold the number of its
-- recipient (a wamid does, in base64).
--
-- Views read with the rights of their owner, from whom row-level security hides nothing. So each view of single rows calls
-- sees_all(), which raises if row-level security hides rows from the caller. As a scalar subquery in WHERE, it runs once in
-- each query.

CREATE FUNCTION msgstatus.stand_in(key bytea, message_id text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'stand_in';
COMMENT ON FUNCTION msgstatus.stand_in(bytea, text) IS
    'The stand-in that hides a message id: always the same for a key and an id, and irreversible without the key';

CREATE FUNCTION msgstatus.message_id_of(key bytea, stand_in text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'message_id_of';
COMMENT ON FUNCTION msgstatus.message_id_of(bytea, text) IS
    'The message id of a stand-in that was made with this key; NULL for another text';

CREATE FUNCTION msgstatus.shown_id_support(internal) RETURNS internal
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'shown_id_support';
COMMENT ON FUNCTION msgstatus.shown_id_support(internal) IS
    'Planner support: replaces shown_id() by the message id itself for roles that may read message';

-- The key is an argument because views run functions with the rights of the caller, who must not read the key.
CREATE FUNCTION msgstatus.shown_id(key bytea, message_id text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 5 SUPPORT msgstatus.shown_id_support AS 'MODULE_PATHNAME', 'shown_id';
COMMENT ON FUNCTION msgstatus.shown_id(bytea, text) IS
    'The message id for roles that may read message, its stand-in for other roles; used by views';

CREATE FUNCTION msgstatus.sees_all(VARIADIC tables regclass[]) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sees_all';
COMMENT ON FUNCTION msgstatus.sees_all(regclass[]) IS
    'Whether the current user may read all of these tables; 42501 if row-level security hides rows of a readable table; used by views';

CREATE FUNCTION msgstatus.install_id_key() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.id_key (
        is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
        key bytea NOT NULL
    );
    COMMENT ON TABLE msgstatus.id_key IS
        'The key of the stand-ins that analysts see in place of message ids; no level may read it; another key makes other stand-ins';
    COMMENT ON COLUMN msgstatus.id_key.is_the_one IS 'Limits the table to one row';
    COMMENT ON COLUMN msgstatus.id_key.key IS 'Random bytes';
    -- gen_random_uuid() is the only access to the server's cryptographic random source in core PostgreSQL; each call has 122
    -- random bits.
    INSERT INTO msgstatus.id_key (key) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.install_id_key() IS 'Creates the table id_key and its key; called by install()';
