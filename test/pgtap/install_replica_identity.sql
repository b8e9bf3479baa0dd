-- Every table can be published with its updates and deletes.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- The tables whose updates PostgreSQL refuses once a publication has them.
CREATE FUNCTION unidentified() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(c.relname, ' ' ORDER BY c.relname)
    FROM pg_class AS c
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT CASE c.relreplident
            WHEN 'f' THEN true
            WHEN 'd' THEN EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid)
            WHEN 'i' THEN EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)
            ELSE false
        END
$$;

SELECT is(unidentified(), NULL, 'after install()');
SELECT cmp_ok(msgstatus.make_trail_partitions(5), '>', 0);
SELECT is(unidentified(), NULL, 'with partitions made later');

-- A subscriber finds a whole row by comparing all of its columns.
SELECT is((
    SELECT string_agg(DISTINCT a.atttypid::regtype::text, ' ')
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p') AND c.relreplident = 'f'
        AND t.typelem = 0
        AND NOT EXISTS (
            SELECT FROM pg_opclass AS o JOIN pg_am AS m ON m.oid = o.opcmethod
            WHERE m.amname IN ('btree', 'hash') AND o.opcdefault
                AND (o.opcintype = a.atttypid OR EXISTS (
                    SELECT FROM pg_cast AS k WHERE k.castsource = a.atttypid AND k.casttarget = o.opcintype AND k.castmethod = 'b')))
), NULL, 'every type of those tables has an equality');

-- Tables of an installation from before there was one.
DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', t);
    END LOOP;
END
$$;
SELECT isnt(unidentified(), NULL, 'without it they have none');
ALTER TABLE msgstatus.maintenance REPLICA IDENTITY NOTHING;
SELECT lives_ok('SELECT msgstatus.install()');
SELECT is(unidentified(), 'maintenance', 'install() gives it to tables that are there, and leaves a choice of the user''s alone');
ALTER TABLE msgstatus.maintenance REPLICA IDENTITY FULL;

-- At any wal_level.
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT is(counts('[{"id": "a", "status": "failed", "timestamp": 1733832000}, {"id": "b", "status": "sent", "timestamp": 1733832000}]'), '2 2 0 0 0');
SELECT is(counts('[{"id": "a", "status": "delivered", "timestamp": 1733832001}, {"id": "b", "status": "read", "timestamp": 1733832001}]'), '2 2 0 0 0');
SELECT lives_ok($$SELECT counts('{"id": "b", "status": "read", "timestamp": 1733832001}', '2024-12-10 11:00Z')$$, 'a receipt before the others');
SELECT is((SELECT min(received_at) FROM msgstatus.status_event WHERE message_id = 'b'), '2024-12-10 11:00Z', 'a correction of the trail');
SELECT lives_ok('UPDATE msgstatus.maintenance SET messages_kept = ''1 microsecond'', rejected_kept = ''1 day''');
SELECT lives_ok('SELECT msgstatus.maintain()');
SELECT lives_ok('SELECT msgstatus.purge_messages(now() + interval ''1 day'')');
SELECT lives_ok('SELECT msgstatus.rebuild_rollups()');
SELECT lives_ok('UPDATE msgstatus.installation SET installed_at = now()');
SELECT lives_ok('DELETE FROM msgstatus.status_event');

SELECT finish();
ROLLBACK;
