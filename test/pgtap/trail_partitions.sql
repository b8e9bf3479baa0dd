-- The partitions of the audit trail: made ahead, dropped whole, and never missed by a call.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- Returns the partitions that hold a message, without the name of the table.
CREATE FUNCTION parts(id text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(substr(tableoid::regclass::text, length('msgstatus.status_event_') + 1), ' ' ORDER BY received_at)
    FROM msgstatus.status_event WHERE message_id = id
$$;
-- Returns the name of the partition of the month so many ahead.
CREATE FUNCTION month(ahead integer) RETURNS text LANGUAGE sql AS $$
    SELECT to_char(date_trunc('month', now()) + ahead * interval '1 month', 'YYYY_MM')
$$;
CREATE FUNCTION partitions() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(substr(relid::text, length('msgstatus.status_event_') + 1) ORDER BY relid::text) FROM pg_partition_tree('msgstatus.status_event') WHERE isleaf
$$;
-- Applies a status received so many months from now.
CREATE FUNCTION apply(id text, state text, months integer) RETURNS text LANGUAGE sql AS $$
    SELECT counts(jsonb_build_object('id', id, 'status', state), date_trunc('month', now()) + months * interval '1 month' + interval '3 days')
$$;

SELECT is(partitions(), ARRAY[month(0), month(1), 'default'], 'install() makes this month''s, the next one''s, and the default partition');
SELECT is(msgstatus.make_trail_partitions(), 0, 'and nothing is missing then');
SELECT is((SELECT array_agg(DISTINCT obj_description(relid, 'pg_class') IS NOT NULL) FROM pg_partition_tree('msgstatus.status_event')), '{t}');
SELECT is((SELECT count(*) FROM pg_inherits WHERE inhparent = 'msgstatus.status_event_message_id'::regclass), 3::bigint, 'each has the index');
SELECT is((SELECT array_agg(DISTINCT relowner) FROM pg_partition_tree('msgstatus.status_event') JOIN pg_class ON oid = relid),
    (SELECT ARRAY[relowner] FROM pg_class WHERE oid = 'msgstatus.status_event'::regclass));

SELECT is(apply('now', 'sent', 0), '1 1 0 0 0');
SELECT is(parts('now'), month(0));
SELECT is(apply('old', 'sent', -9), '1 1 0 0 0', 'a month without a partition');
SELECT is(parts('old'), 'default', 'is no error');
SELECT is(apply('old', 'delivered', 0), '1 1 0 0 0');
SELECT is(parts('old'), 'default ' || month(0));
SELECT is((SELECT array_agg(state::text ORDER BY event_time) FROM msgstatus.message_history('old')), '{sent,delivered}', 'the trail of a message is found in all of them');
SELECT is(apply('old', 'delivered', 0), '1 0 1 0 0', 'redeliveries too');
SELECT is(apply('old', 'sent', -9), '1 0 1 0 0');
-- An earlier receipt takes the place of the one that is there, in another partition.
SELECT is(apply('old', 'delivered', -8), '1 1 0 0 0');
SELECT is(parts('old'), 'default default');

-- A month's rows in the default partition stay there; the months after it get partitions of their own.
SELECT is(apply('ahead', 'sent', 0), '1 1 0 0 0');
DO $$ BEGIN EXECUTE format('DROP TABLE msgstatus.%I', 'status_event_' || month(0)); EXECUTE format('DROP TABLE msgstatus.%I', 'status_event_' || month(1)); END $$;
SELECT is(apply('homeless', 'sent', 0), '1 1 0 0 0', 'without its partition');
SELECT is(parts('homeless'), 'default');
SELECT is(msgstatus.make_trail_partitions(3), 3);
SELECT is(partitions(), ARRAY[month(1), month(2), month(3), 'default']);
SELECT is(parts('homeless'), 'default');
SELECT is(apply('homeless', 'read', 0), '1 1 0 0 0');
DELETE FROM msgstatus.status_event_default;
SELECT is(msgstatus.make_trail_partitions(3), 1, 'once it is empty, the month gets its own');
SELECT is(apply('now', 'read', 0), '1 1 0 0 0');
SELECT is(parts('now'), month(0));

-- Retention.
DO $$
BEGIN
    FOR n IN 1 .. 3 LOOP
        EXECUTE format('CREATE TABLE msgstatus.%I PARTITION OF msgstatus.status_event FOR VALUES FROM (%L) TO (%L)', 'status_event_' || month(-n),
            date_trunc('month', now()) - n * interval '1 month', date_trunc('month', now()) - (n - 1) * interval '1 month');
    END LOOP;
END $$;
SELECT is(apply('kept', 'sent', -n), '1 1 0 0 0') FROM generate_series(1, 5) AS n;
SELECT is(parts('kept'), 'default', 'one observation, of the earliest receipt');
SELECT is(apply('d' || n, 'sent', -n), '1 1 0 0 0') FROM generate_series(1, 5) AS n;
SELECT is(msgstatus.drop_trail_partitions(date_trunc('month', now()) - interval '2 months' - interval '1 second'), 0, 'a partition that may hold something later stays');
SELECT is(msgstatus.drop_trail_partitions(date_trunc('month', now()) - interval '2 months'), 1);
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.status_event WHERE message_id LIKE 'd%'), '{d1,d2,d4,d5}');
SELECT is(msgstatus.drop_trail_partitions(NULL), 0);
SELECT is(msgstatus.purge_events(date_trunc('month', now()) - interval '4 months', 1), 1::bigint, 'and the default partition, row by row');
SELECT is(msgstatus.purge_events(date_trunc('month', now()) - interval '4 months'), 1::bigint);
SELECT is((SELECT array_agg(message_id ORDER BY message_id) FROM msgstatus.status_event WHERE message_id LIKE 'd%'), '{d1,d2,d4}');

-- By maintain(): partitions first, and the rest the next time.
UPDATE msgstatus.maintenance SET events_kept = '1 day';
SELECT is(msgstatus.maintain(), '{"partitions_made": 0, "partitions_dropped": 2}');
SELECT is(msgstatus.maintain() -> 'events_purged', '1');
SELECT is((SELECT count(*) FROM msgstatus.status_event WHERE message_id LIKE 'd%'), 0::bigint);
SELECT is((SELECT count(*) FROM msgstatus.message WHERE message_id LIKE 'd%'), 5::bigint, 'the messages stay');
SELECT is(apply('d3', 'sent', 1), '1 0 1 0 0', 'and know what they were told');

-- Who does not own the trail leaves it alone.
CREATE ROLE t_operator;
SELECT msgstatus.grant_access('t_operator', 'operator');
SET LOCAL ROLE t_operator;
SELECT is(msgstatus.make_trail_partitions(12), 0);
SELECT is(msgstatus.drop_trail_partitions('infinity'), 0);
SELECT is(msgstatus.purge_events('infinity'), 0::bigint);
SELECT is(msgstatus.maintain() ? 'rollups_folded', true, 'and does the rest');
RESET ROLE;

-- A trail that a user partitioned otherwise is left alone.
SET LOCAL client_min_messages = warning; -- the view on it goes, too
DROP TABLE msgstatus.status_event CASCADE;
CREATE TABLE msgstatus.status_event (LIKE msgstatus.rejected_status);
SELECT is(msgstatus.make_trail_partitions(12), 0);
SELECT is(msgstatus.drop_trail_partitions('infinity'), 0);
SELECT is(msgstatus.purge_events('infinity'), 0::bigint);

SELECT finish();
ROLLBACK;
