-- The registry of attached tables: C functions by which attach_table(), detach_table() and resync_table() store, remove,
-- announce and read its entries.

CREATE FUNCTION msgstatus.store_attached_table(
    target regclass, key_column name, columns jsonb, update_sql text, search_path text, time_zone text
) RETURNS integer
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'store_attached_table';
COMMENT ON FUNCTION msgstatus.store_attached_table(regclass, name, jsonb, text, text, text) IS
    'Writes down that a table is attached, by the current user, in place of what was written for the same key; returns its attached_table_id';

CREATE FUNCTION msgstatus.remove_attached_table(attached_table_id integer) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'remove_attached_table';
COMMENT ON FUNCTION msgstatus.remove_attached_table(integer) IS
    'Forgets an attached table; false if there is none of this id. 42501 for others than who attached it, owns it, or owns the tables';

CREATE FUNCTION msgstatus.attached_batches(attached_table_id integer) RETURNS SETOF text[]
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'attached_batches';
COMMENT ON FUNCTION msgstatus.attached_batches(integer) IS
    'The messages that have rows in an attached table, or could not be shown there, in batches, as whoever attached it sees them; 42704 where it is not attached';

CREATE FUNCTION msgstatus.announce_attached_tables() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'announce_attached_tables';
COMMENT ON FUNCTION msgstatus.announce_attached_tables() IS
    'Trigger on attached_table: tells every session, at commit, that what it remembers of the table is out of date';
