-- The sixteen states, which SQL lists in many places and the C++ of delivery_state.hpp once: each list names each state, and in its
-- own place. Every state has another number of messages, so that none can stand for another.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- The enum of C++ speaks through the type: a status with a state sets that state's bit.
SELECT is((SELECT array_agg(msgstatus.status_change('{}', msgstatus.message_status(s.state, now())) ORDER BY s.place)
    FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS s (state, place)),
    (SELECT array_agg((2 ^ n)::integer) FROM generate_series(0, 15) AS n), 'delivery_states() has all of them, in their order');
CREATE FUNCTION columns_of(relation regclass) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname LIKE 'in\_%'
$$;
SELECT is(columns_of(r::regclass), (SELECT array_agg('in_' || s) FROM unnest(msgstatus.delivery_states()) AS s), r || ' has a column for each')
FROM unnest('{msgstatus.rollup_row,msgstatus.message_rollup,msgstatus.folded_hour,msgstatus.hour_rollup}'::text[]) AS r;
SELECT is((SELECT array_agg(col_description(a.attrelid, a.attnum) ORDER BY a.attnum) FROM pg_attribute AS a
        WHERE a.attrelid = r::regclass AND a.attname LIKE 'in\_%'),
    (SELECT array_agg(format('Messages whose state is %s now', s)) FROM unnest(msgstatus.delivery_states()) AS s), r || ' says so of each')
FROM unnest('{msgstatus.message_rollup,msgstatus.folded_hour,msgstatus.hour_rollup}'::text[]) AS r;

-- apply brings one message in the first state, two in the second and so on, two hours ago.
CREATE FUNCTION apply(prefix text) RETURNS void LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status_batch(array_agg(jsonb_build_object('id', concat(prefix, s.place, '-', n), 'status', s.state,
            'timestamp', extract(epoch FROM now())::bigint - 10000, 'recipient_id', concat('4917000000', s.place + 10))),
        array_agg(date_trunc('hour', now(), 'UTC') - interval '90 minutes'), array_agg(NULL::text))
    FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS s (state, place), generate_series(1, s.place) AS n
$$;
CREATE FUNCTION expected(factor integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg('in_' || s.state, s.place * factor) || jsonb_build_object('messages', sum(s.place * factor))
    FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS s (state, place)
$$;
CREATE FUNCTION counted(rollup regclass) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    counted jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_object_agg(c.key, c.sum) FROM (
        SELECT k.key, sum(k.value::bigint) FROM %s AS r, jsonb_each_text(to_jsonb(r)) AS k
        WHERE k.key LIKE ''in\_%%'' OR k.key = ''messages'' GROUP BY k.key) AS c', rollup) INTO counted;
    RETURN counted;
END
$$;
-- In each rollup, and in what readers see of them.
CREATE FUNCTION are_counted(factor integer, description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT is(counted('msgstatus.message_rollup'), expected(factor), description || ', by combination');
    RETURN NEXT is(counted('msgstatus.hour_rollup'), expected(factor), description || ', by hour');
    RETURN NEXT is_empty('SELECT * FROM msgstatus.verify_rollups()', description || ', as a recount counts');
    RETURN NEXT is((SELECT jsonb_object_agg('in_' || d.state, d.messages) || jsonb_build_object('messages', sum(d.messages)) FROM msgstatus.status_distribution AS d),
        expected(factor), description || ', in status_distribution');
END
$$;
TRUNCATE msgstatus.message, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup;
SELECT apply('a');
SELECT are_counted(1, 'as calls count');
SELECT is((SELECT sum(r.recipients)::numeric FROM msgstatus.hour_rollup AS r),
    (SELECT sum(hashtextextended(m.recipient, 0) & 1099511627775) FROM msgstatus.message AS m WHERE m.direction <> 'inbound'),
    'calls sum the hashes of the recipients');
SELECT msgstatus.fold_rollups();
SELECT is(counted('msgstatus.folded_hour'), expected(1), 'folding moves all of them');
SELECT are_counted(1, 'folded');
SELECT apply('b');
SELECT msgstatus.fold_rollups();
SELECT is(counted('msgstatus.folded_hour'), expected(2), 'folding adds all of them');
SELECT are_counted(2, 'folded again');
SELECT msgstatus.rebuild_rollups();
SELECT are_counted(2, 'rebuilt');

-- The hash of a recipient, in C++, in recount_messages() and in count_recipients(), which finds its lists right.
SELECT is((SELECT sum(r.recipients)::numeric FROM msgstatus.hour_rollup AS r),
    (SELECT sum(hashtextextended(m.recipient, 0) & 1099511627775) FROM msgstatus.message AS m WHERE m.direction <> 'inbound'),
    'rebuilt, the same hashes');
SELECT is(msgstatus.count_recipients(), (SELECT count(*) FROM msgstatus.message), 'counts every message once');
SELECT is((SELECT sum(d.recipients)::numeric FROM msgstatus.recipient_day AS d), (SELECT sum(r.recipients)::numeric FROM msgstatus.hour_rollup AS r),
    'with the hashes of the rollups');
SELECT is(msgstatus.count_recipients(), 0::bigint, 'and finds that right');

-- Messages without a state are what all of them together leave.
SELECT results_eq($$SELECT msgstatus.states_found(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::msgstatus.message_filter)$$,
    'SELECT s FROM unnest(msgstatus.delivery_states()) AS s ORDER BY s DESC', 'each is found, the highest first');
SELECT msgstatus.register_message('silent');
SELECT results_eq($$SELECT msgstatus.states_found(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::msgstatus.message_filter)$$,
    'SELECT s FROM unnest(msgstatus.delivery_states()) AS s UNION ALL SELECT NULL ORDER BY 1 DESC NULLS LAST', 'and none last');
SELECT is((SELECT sum(messages) FROM msgstatus.status_distribution WHERE state IS NULL), 1::numeric, 'one in no state');

SELECT finish();
ROLLBACK;
