-- Recipients that begin alike: what message_stats() and message_log() find by prefix_rollup is what the messages say, also where
-- these have changed since they were counted, and it takes far less than to read them.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup,
    msgstatus.recipient_rollup, msgstatus.recipient_day, msgstatus.prefix_rollup, msgstatus.prefix_period;
UPDATE msgstatus.maintenance SET purged_before = '-infinity';

-- Returns the beginning of the day so many days ago.
CREATE FUNCTION midnight(days integer) RETURNS timestamptz LANGUAGE sql AS $$ SELECT date_trunc('day', now(), 'UTC') - days * interval '24 hours' $$;

-- Counts decide about more than twenty thousand messages; here, about more than fifty.
CREATE OR REPLACE FUNCTION msgstatus.few_messages() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 50::bigint';

-- 6000 messages of six days up to yesterday, as large as five a page: outgoing ones to many numbers, more than a hundred a day to +121250,
-- +121251 and +1212500, incoming ones to a number of the business, some without a recipient; read ones of +49151 all on the first day.
INSERT INTO msgstatus.message (message_id, direction, sender, recipient, content, status, created_at)
SELECT 'm' || n, CASE n % 12 WHEN 0 THEN 'inbound' WHEN 1 THEN NULL ELSE 'outbound' END,
    CASE n % 12 WHEN 0 THEN '+491510' || n % 7 ELSE '+49301' END,
    CASE WHEN n % 12 = 0 THEN '+4930' || n % 5 WHEN n % 31 = 0 THEN NULL WHEN n % 3 = 0 THEN '+4915' || n % 97
        ELSE '+12125' || CASE n % 5 WHEN 0 THEN '00' ELSE concat(n % 5, n % 7) END || n % 997 END,
    repeat('.', 1400),
    CASE WHEN n % 12 = 0 THEN msgstatus.message_status('received', c.at) WHEN n % 50 = 2 THEN '{}'
        WHEN n % 41 = 0 THEN msgstatus.message_status('failed', c.at)
        WHEN n % 3 = 0 AND n % 97 BETWEEN 10 AND 19 AND n > 1000 THEN msgstatus.message_status('delivered', c.at)
        WHEN n % 4 < 3 THEN msgstatus.message_status('read', c.at) ELSE msgstatus.message_status('sent', c.at) END,
    c.at
FROM generate_series(1, 6000) AS n, LATERAL (SELECT midnight(6) + n * interval '85 seconds' AS at) AS c;
SELECT msgstatus.rebuild_rollups();
ANALYZE msgstatus.message;

CREATE FUNCTION counted(prefix text, wanted msgstatus.delivery_state, since timestamptz, before timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE s.outgoing AND s.state >= 'delivered'), count(*) FILTER (WHERE s.outgoing AND s.state >= 'read'),
        count(*) FILTER (WHERE s.outgoing AND s.state = 'failed'))
    FROM (SELECT msgstatus.state(m.status) AS state, m.direction IS DISTINCT FROM 'inbound' AS outgoing FROM msgstatus.message AS m
        WHERE starts_with(m.recipient, prefix) AND m.created_at >= COALESCE(since, '-infinity') AND m.created_at < COALESCE(before, 'infinity')) AS s
    WHERE s.state = wanted OR wanted IS NULL
$$;
CREATE FUNCTION listed(prefix text, wanted msgstatus.delivery_state, since timestamptz, before timestamptz, by_state boolean) RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY(SELECT m.message_id FROM msgstatus.message AS m
        WHERE starts_with(m.recipient, prefix) AND m.created_at >= COALESCE(since, '-infinity') AND m.created_at < COALESCE(before, 'infinity')
            AND (msgstatus.state(m.status) = wanted OR wanted IS NULL)
        ORDER BY CASE WHEN by_state THEN msgstatus.state(m.status) END DESC NULLS LAST, m.created_at DESC, m.message_id DESC
        LIMIT 600)
$$;
-- Reads two pages.
CREATE FUNCTION paged(prefix text, wanted text, since timestamptz, before timestamptz, by_state boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    page msgstatus.message_log_row;
    after text;
    ids text[] := '{}';
BEGIN
    FOR number IN 1..2 LOOP
        FOR page IN SELECT * FROM msgstatus.message_log(wanted, recipient_prefix => prefix, created_from => since, created_before => before,
            sort_by => CASE WHEN by_state THEN 'state' ELSE 'time' END, page_size => 300, after => after)
        LOOP
            ids := ids || page.message_id;
            after := page.page_cursor;
        END LOOP;
    END LOOP;
    RETURN ids;
END
$$;
CREATE VIEW question AS
SELECT p.prefix, s.state::msgstatus.delivery_state AS state, t.since, t.before
FROM unnest('{+,+4930,+12125,+121250,+121251,+1212500,+1212513,+12125001,+4999}'::text[]) AS p (prefix), unnest('{NULL,read,received}'::text[]) AS s (state),
    (VALUES (NULL::timestamptz, NULL::timestamptz), (midnight(5) + interval '7 minutes', midnight(2) + interval '1 minute'),
        (midnight(3) + interval '1 minute', midnight(3) + interval '9 minutes')) AS t (since, before);
CREATE FUNCTION is_right(moment text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT is_empty($q$
        SELECT * FROM (SELECT q.*, counted(q.prefix, q.state, q.since, q.before) AS expected,
            (SELECT concat_ws(' ', s.total, s.delivered, s.read, s.failed) FROM msgstatus.message_stats(q.state::text, recipient_prefix => q.prefix,
                created_from => q.since, created_before => q.before) AS s) AS found FROM question AS q) AS c WHERE c.expected <> c.found $q$,
        'message_stats, ' || moment);
    RETURN NEXT is_empty($q$
        SELECT q.* FROM question AS q, unnest('{f,t}'::boolean[]) AS o (by_state) WHERE q.prefix = ANY ('{+,+4930,+12125,+121251,+4999}') AND q.before - q.since > interval '1 day' IS NOT FALSE
            AND listed(q.prefix, q.state, q.since, q.before, o.by_state) <> paged(q.prefix, q.state::text, q.since, q.before, o.by_state) $q$,
        'message_log, ' || moment);
    RETURN NEXT is_empty('SELECT * FROM msgstatus.verify_rollups()', 'verify_rollups(), ' || moment);
END
$$;
-- Returns how many blocks of memory a query touches.
CREATE FUNCTION blocks(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE query; -- plans
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END
$$;

SELECT is_right('not counted');
SELECT cmp_ok(blocks($$SELECT * FROM msgstatus.message_stats(recipient_prefix => '+')$$), '>', 1000::bigint, 'message_stats() reads the messages');
SELECT cmp_ok(msgstatus.count_prefixes(1), '<', 100::bigint, 'counts the latest hour, then it is enough');
SELECT is((SELECT count(*) FROM msgstatus.prefix_period), 1::bigint);
SELECT is_right('counted in part');
SELECT cmp_ok(msgstatus.count_prefixes(), '>', 4000::bigint, 'counts the rest');
SELECT is(msgstatus.count_prefixes(), 0::bigint, 'and nothing twice');
SELECT is((SELECT array_agg(DISTINCT ending - beginning ORDER BY ending - beginning) FROM msgstatus.prefix_period), '{1 hour,24 hours}'::interval[], 'hours, and days long past');
SELECT is((SELECT sum(messages) FROM msgstatus.prefix_rollup WHERE length(prefix) <= 6), (SELECT count(*) FROM msgstatus.message WHERE direction IS DISTINCT FROM 'inbound' AND recipient IS NOT NULL));
SELECT set_eq($$SELECT prefix, count(*) FROM msgstatus.prefix_rollup WHERE length(prefix) > 6 GROUP BY 1$$,
    $$SELECT p.prefix, count(*) FROM (SELECT left(recipient, n) AS prefix FROM msgstatus.prefix_period AS p, generate_series(7, 8) AS n, msgstatus.message AS m
        WHERE created_at >= beginning AND created_at < ending AND direction IS DISTINCT FROM 'inbound' AND length(recipient) >= n
        GROUP BY 1, beginning HAVING count(*) >= 100) AS p GROUP BY 1$$, 'longer beginnings where they are of many messages');
SELECT cmp_ok((SELECT count(DISTINCT prefix) FROM msgstatus.prefix_rollup WHERE prefix IN ('+121250', '+121251', '+1212500')), '=', 3::bigint);
SELECT is_right('counted');
SELECT is((SELECT array_agg(DISTINCT known) FROM msgstatus.prefix_counts(prefix, midnight(6), midnight(3))), ARRAY[exact], prefix || ' is counted by day, or at most')
FROM (VALUES ('+12125', true), ('+121250', true), ('+121251', true), ('+1212500', true), ('+1212513', false), ('+4999', true)) AS p (prefix, exact);
SELECT cmp_ok(blocks($$SELECT * FROM msgstatus.message_stats(recipient_prefix => '+')$$), '<', 1000::bigint, 'message_stats() does not read the messages');
SELECT cmp_ok(blocks($$SELECT * FROM msgstatus.message_log(recipient_prefix => '+12125', state => 'received')$$), '<', 1000::bigint,
    'message_log() reads the latest messages, and not the others where none are in the state');
SELECT cmp_ok(blocks($$SELECT * FROM msgstatus.message_log(recipient_prefix => '+', sort_by => 'state')$$), '<', 1000::bigint, 'nor all of those in the highest');

-- What comes afterwards: a state, a message of a day long past, another recipient.
SELECT counts(jsonb_build_object('id', 'm6', 'status', 'delivered', 'timestamp', extract(epoch FROM midnight(6))::bigint::text, 'recipient_id', '49151234'), now());
SELECT is_right('with a state that came late');
SELECT is((SELECT count(*) FROM msgstatus.prefix_periods(false)), 1::bigint, 'of one period');
INSERT INTO msgstatus.message (message_id, recipient, created_at) VALUES ('late', '+49152', midnight(4));
SELECT msgstatus.rebuild_rollups();
SELECT is((SELECT count(*) FROM msgstatus.prefix_period) + (SELECT count(*) FROM msgstatus.prefix_rollup), 0::bigint, 'a rebuild makes periods be counted anew');
SELECT msgstatus.count_prefixes();

-- Numbers that are wrong, and would be believed.
UPDATE msgstatus.prefix_rollup SET in_read = in_read + 1, in_sent = in_sent - 1 WHERE prefix = '+12125' AND beginning = midnight(5);
DELETE FROM msgstatus.prefix_rollup WHERE prefix = '+49152' AND beginning = midnight(4);
UPDATE msgstatus.prefix_rollup SET in_read = in_read + 1, in_sent = in_sent - 1 WHERE prefix = '+1212500' AND beginning = midnight(5);
SELECT is(s.read, split_part(counted('+1212500', 'read', NULL, NULL), ' ', 1)::bigint + 1, 'message_stats() believes them') FROM msgstatus.message_stats(recipient_prefix => '+1212500') AS s;
SELECT results_eq($$SELECT rollup, key ->> 'prefix' FROM msgstatus.verify_rollups()$$, $$VALUES ('prefix_rollup', '+12125'), ('prefix_rollup', '+1212500'), ('prefix_rollup', '+49152')$$);
DELETE FROM msgstatus.prefix_period;
DELETE FROM msgstatus.prefix_rollup;
SELECT msgstatus.count_prefixes();

-- Hours become days, and what is purged is gone.
UPDATE msgstatus.prefix_period SET sums[1] = 0 WHERE beginning = midnight(5);
SELECT is((SELECT count(*) FROM msgstatus.prefix_periods(false)), 1::bigint);
SELECT cmp_ok(msgstatus.purge_messages(midnight(5) + interval '2 hours 30 minutes', 100000), '>', 0::bigint);
SELECT is((SELECT count(*) FROM msgstatus.prefix_period WHERE beginning < midnight(4)) + (SELECT count(*) FROM msgstatus.prefix_rollup WHERE beginning < midnight(4)),
    0::bigint, 'a purge deletes the periods from which it deletes messages');
SELECT msgstatus.count_prefixes();
SELECT is((SELECT min(beginning) FROM msgstatus.prefix_period), midnight(5) + interval '2 hours', 'the hours that are left of a day are counted');
SELECT is((SELECT count(*) FROM msgstatus.prefix_period WHERE beginning < midnight(4)), 22::bigint);
SELECT is(msgstatus.count_prefixes(), 0::bigint, 'once');
SELECT is_right('purged and counted');

SELECT finish();
ROLLBACK;
