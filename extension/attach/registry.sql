-- The registry of attached tables: C functions by which attach_table(), detach_table() and resync_table() store, remove,
-- announce and read its entries.

CREATE FUNCTION msgstatus.store_attached_table(
    target regclass, key_column name, columns jsonb, update_sql text, search_path text, time_zone text
) RETURNS integer
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'store_attached_table';
COMMENT ON FUNCTION msgstatus.store_attached_table(regclass, name, jsonb, text, text, text) IS
    'Stores the entry of a table that the current user attaches, replacing an entry for the same key; returns its attached_table_id';

CREATE FUNCTION msgstatus.remove_attached_table(attached_table_id integer) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'remove_attached_table';
COMMENT ON FUNCTION msgstatus.remove_attached_table(integer) IS
    'Removes the entry of an attached table; false if there is none; 42501 unless the caller attached it, owns it, or owns the tables of msgstatus';

CREATE FUNCTION msgstatus.attached_batches(attached_table_id integer) RETURNS SETOF text[]
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'attached_batches';
COMMENT ON FUNCTION msgstatus.attached_batches(integer) IS
    'The messages with rows or failures in an attached table, in batches, as the role that attached it sees them; 42704 if it is not attached';

CREATE FUNCTION msgstatus.announce_attached_tables() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'announce_attached_tables';
COMMENT ON FUNCTION msgstatus.announce_attached_tables() IS
    'Trigger on attached_table: invalidates the cached list of attached tables in every session, at commit';
