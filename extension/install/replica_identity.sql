-- Created by install(): a replica identity for tables without a primary key. A publication FOR ALL TABLES publishes updates and
-- deletes of each table, and PostgreSQL then refuses both, at any wal_level, on a table that has no replica identity. The
-- default identity is the primary key. A table with nullable key columns, with a unique expression, or with no unique index at
-- all needs its whole rows as identity.
--
-- Whole rows cost nothing until wal_level is logical.

CREATE FUNCTION msgstatus.install_replica_identity() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    without_identity regclass;
BEGIN
    FOR without_identity IN
        SELECT c.oid
        FROM pg_class AS c
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
            AND (c.relnamespace = to_regnamespace('msgstatus')
                -- A user's own partition of the trail may be in another schema.
                OR c.oid IN (SELECT t.relid FROM pg_partition_tree(to_regclass('msgstatus.status_event')) AS t))
            -- A user chose any other identity, or none.
            AND c.relreplident = 'd'
            AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
            AND pg_has_role(c.relowner, 'USAGE')
        -- In the order in which a concurrent call locks the tables: first the trail, then the rollups.
        ORDER BY c.relname NOT LIKE 'status\_event%', c.relname <> 'message_rollup', c.relname <> 'failure_rollup', c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', without_identity);
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_replica_identity() IS
    'Sets REPLICA IDENTITY FULL on every table of msgstatus without a primary key, including partitions of the trail, unless a user chose another identity; called by install()';
