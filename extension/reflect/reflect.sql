CREATE FUNCTION msgstatus.reflect_messages(attached_table_id integer, message_ids text[]) RETURNS integer
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reflect_messages';
COMMENT ON FUNCTION msgstatus.reflect_messages(integer, text[]) IS
    'Brings the rows of these messages in an attached table up to date; returns for how many messages that failed, which attached_table_failure tells of';

CREATE FUNCTION msgstatus.reflect_inserted_rows() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reflect_inserted_rows';
COMMENT ON FUNCTION msgstatus.reflect_inserted_rows() IS
    'Trigger AFTER INSERT FOR EACH STATEMENT, with a transition table: brings new rows of an attached table, its argument, up to date';

CREATE FUNCTION msgstatus.reflect_changed_key() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reflect_changed_key';
COMMENT ON FUNCTION msgstatus.reflect_changed_key() IS
    'Trigger AFTER INSERT OR UPDATE FOR EACH ROW: brings a row of an attached table, its argument, up to date';
