-- Stand-ins: what roles without access to `message` are shown in place of message ids. An id can hold the number of its
-- recipient (a wamid does, in base64).
--
-- Views read with the rights of their owner, from whom row-level security hides nothing. So each view of single rows calls
-- sees_all(), which raises if row-level security hides rows from the caller. As a scalar subquery in WHERE, it runs once in
-- each query.

CREATE FUNCTION msgstatus.stand_in(key bytea, message_id text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'stand_in';
COMMENT ON FUNCTION msgstatus.stand_in(bytea, text) IS
    'What is shown of a message id to who must not see it: always the same for a key and an id, and without the key no way leads back';

CREATE FUNCTION msgstatus.message_id_of(key bytea, stand_in text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'message_id_of';
COMMENT ON FUNCTION msgstatus.message_id_of(bytea, text) IS
    'The message id that a stand-in was made of with this key; NULL for any other text';

CREATE FUNCTION msgstatus.shown_id_support(internal) RETURNS internal
    LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'shown_id_support';
COMMENT ON FUNCTION msgstatus.shown_id_support(internal) IS
    'Tells the planner that shown_id() is the message id itself for who may read message';

-- The key is an argument because views run their functions with the rights of the caller, who must not read the key.
CREATE FUNCTION msgstatus.shown_id(key bytea, message_id text) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 5 SUPPORT msgstatus.shown_id_support AS 'MODULE_PATHNAME', 'shown_id';
COMMENT ON FUNCTION msgstatus.shown_id(bytea, text) IS
    'The message id for who may read message, its stand-in for anybody else; of the views';

CREATE FUNCTION msgstatus.sees_all(VARIADIC tables regclass[]) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sees_all';
COMMENT ON FUNCTION msgstatus.sees_all(regclass[]) IS
    'May the current user read all of these tables? 42501 where it may read one of which row-level security hides rows; of the views';

CREATE FUNCTION msgstatus.install_id_key() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.id_key (
        is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
        key bytea NOT NULL
    );
    COMMENT ON TABLE msgstatus.id_key IS
        'The key of the stand-ins that analysts are shown for message ids; no level may read it. Another key makes other stand-ins';
    COMMENT ON COLUMN msgstatus.id_key.is_the_one IS 'Holds the table at one row';
    COMMENT ON COLUMN msgstatus.id_key.key IS 'Random bytes';
    -- The server's source of random bytes that may be used as keys is in core PostgreSQL behind this function alone: 122 bits each.
    INSERT INTO msgstatus.id_key (key) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.install_id_key() IS 'Makes the table id_key and its key; called by install()';
