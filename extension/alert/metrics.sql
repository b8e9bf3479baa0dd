-- What the alert rules measure: one function for each metric.

CREATE TYPE msgstatus.alert_reading AS (
    subject text,
    value numeric,
    threshold numeric,
    message text
);
COMMENT ON TYPE msgstatus.alert_reading IS 'A broken rule: its subject, the value, the threshold, and the same in a sentence';

CREATE FUNCTION msgstatus.time_in_words(span interval) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN span = '1 hour' THEN 'hour'
        WHEN extract(epoch FROM span) % 3600 = 0 THEN concat(trim_scale(extract(epoch FROM span) / 3600), ' hours')
        ELSE concat(round(extract(epoch FROM span) / 60), ' minutes')
    END
$$;
COMMENT ON FUNCTION msgstatus.time_in_words(interval) IS 'An interval in words, to follow "in the last"';

-- One function for each metric. It returns a row if the rule is broken, else no row. Rates and averages come from the rollups:
-- from the whole hours of the period and the current hour.

CREATE FUNCTION msgstatus.alert_delivery_rate(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, round(r.rate, 2), $1,
        format('Only %s %% of the %s messages of the last %s were delivered (less than %s %%): see failure_breakdown, undelivered_messages and the provider''s status page.',
            round(r.rate, 1), r.attempted, msgstatus.time_in_words($3), $1)
    FROM (
        SELECT s.attempted, 100.0 * s.delivered / NULLIF(s.attempted, 0) AS rate
        FROM (
            SELECT sum(h.attempted) AS attempted, sum(h.delivered) AS delivered
            FROM msgstatus.hour_rollup AS h
            WHERE h.hour >= date_trunc('hour', now(), 'UTC') - $3
        ) AS s
    ) AS r
    WHERE r.attempted >= $2 AND r.rate < $1
$$;
COMMENT ON FUNCTION msgstatus.alert_delivery_rate(numeric, integer, interval, interval) IS
    'A row if the percentage delivered, of at least minimum_count messages that a provider tried to deliver, is below the threshold';

CREATE FUNCTION msgstatus.alert_read_rate(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, round(r.rate, 2), $1,
        format('Only %s %% of the %s messages delivered of the last %s were read (less than %s %%): see daily_summary for when it began.',
            round(r.rate, 1), r.delivered, msgstatus.time_in_words($3), $1)
    FROM (
        SELECT s.delivered, 100.0 * s.read / NULLIF(s.delivered, 0) AS rate
        FROM (
            SELECT sum(h.delivered) AS delivered, sum(h.read) AS read
            FROM msgstatus.hour_rollup AS h
            WHERE h.hour >= date_trunc('hour', now(), 'UTC') - $3
        ) AS s
    ) AS r
    WHERE r.delivered >= $2 AND r.rate < $1
$$;
COMMENT ON FUNCTION msgstatus.alert_read_rate(numeric, integer, interval, interval) IS
    'A row if the percentage read, of at least minimum_count delivered messages, is below the threshold';

CREATE FUNCTION msgstatus.alert_delivery_seconds(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, r.seconds, $1,
        format('Delivery took %s seconds on average in the last %s, of %s messages (more than %s): see message_status_dashboard for the percentiles.',
            round(r.seconds, 1), msgstatus.time_in_words($3), r.delays, $1)
    FROM (
        SELECT msgstatus.count(s.delivery) AS delays, msgstatus.seconds(msgstatus.average(s.delivery)) AS seconds
        FROM (
            SELECT msgstatus.sum(h.delivery) AS delivery
            FROM msgstatus.hour_rollup AS h
            WHERE h.hour >= date_trunc('hour', now(), 'UTC') - $3
        ) AS s
    ) AS r
    WHERE r.delays >= $2 AND r.seconds > $1
$$;
COMMENT ON FUNCTION msgstatus.alert_delivery_seconds(numeric, integer, interval, interval) IS
    'A row if the average delivery time of at least minimum_count messages is above the threshold';

CREATE FUNCTION msgstatus.alert_undelivered(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, u.messages, $1,
        format('%s messages of the last %s have been undelivered for over %s (more than %s): see undelivered_messages.',
            u.messages, msgstatus.time_in_words($3), msgstatus.time_in_words($4), $1)
    FROM (SELECT msgstatus.count_undelivered($4, date_trunc('hour', now() - $3, 'UTC'))::numeric AS messages) AS u
    WHERE u.messages >= $2 AND u.messages > $1
$$;
COMMENT ON FUNCTION msgstatus.alert_undelivered(numeric, integer, interval, interval) IS
    'A row if more messages than the threshold were created in the period and have been undelivered for the age';

CREATE FUNCTION msgstatus.alert_silence(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The time of the last webhook is not stored, only its changes: here, changes of the messages of the period. It is silence
    -- if messages created since then still wait for their first callback.
    WITH recent AS (
        SELECT m.created_at, m.updated_at, msgstatus.state(m.status) IS NOT NULL AS answered
        FROM msgstatus.message AS m
        WHERE m.created_at >= now() - $3 AND m.direction IS DISTINCT FROM 'inbound'
    ), unanswered AS (
        SELECT count(*) AS messages, extract(epoch FROM now() - min(r.created_at)) / 60 AS minutes
        FROM recent AS r
        WHERE NOT r.answered AND r.created_at > COALESCE((SELECT max(a.updated_at) FROM recent AS a WHERE a.answered), '-infinity')
    )
    SELECT NULL::text, round(u.minutes, 1), $1,
        format('No webhook for %s minutes, although %s messages were sent (%s minutes are allowed): is the receiver up, does the provider reach it, is its secret right?',
            floor(u.minutes), u.messages, $1)
    FROM unanswered AS u
    WHERE u.messages >= GREATEST($2, 1) AND u.minutes >= $1
$$;
COMMENT ON FUNCTION msgstatus.alert_silence(numeric, integer, interval, interval) IS
    'A row if at least minimum_count messages were registered since the last callback, the first at least as many minutes ago as the threshold';

CREATE FUNCTION msgstatus.alert_rejected(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NULL::text, r.now::numeric, $1 * r.before,
        format('%s statuses were rejected in the last %s, %s in the %2$s before (more than %4$s times as many): see rejected_summary.',
            r.now, msgstatus.time_in_words($3), r.before, $1)
    FROM (
        SELECT count(*) FILTER (WHERE s.rejected_at >= now() - $3) AS now, count(*) FILTER (WHERE s.rejected_at < now() - $3) AS before
        FROM msgstatus.rejected_status AS s
        WHERE s.rejected_at >= now() - 2 * $3
    ) AS r
    WHERE r.now >= GREATEST($2, 1) AND r.now > $1 * r.before
$$;
COMMENT ON FUNCTION msgstatus.alert_rejected(numeric, integer, interval, interval) IS
    'A row if at least minimum_count statuses were rejected, and more than threshold times as many as in the period before';

CREATE FUNCTION msgstatus.alert_error_code(threshold numeric, minimum_count integer, period interval, age interval)
RETURNS SETOF msgstatus.alert_reading
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(' ', COALESCE(f.provider, 'unknown'), f.error_code), f.now::numeric, round($1 * f.usual, 1),
        format('%s messages of the last %s failed by error %s of %s%s; as the day before was, %s were to be expected: see failure_breakdown.',
            f.now, msgstatus.time_in_words($3), f.error_code, COALESCE(f.provider, 'an unknown provider'), ' (' || c.meaning || ')', round(f.usual, 1))
    FROM (
        SELECT r.provider, r.error_code,
            COALESCE(sum(r.messages) FILTER (WHERE r.hour >= p.since), 0) AS now,
            -- The number of the 24 hours before, scaled to the time since the period began.
            COALESCE(sum(r.messages) FILTER (WHERE r.hour < p.since), 0) * extract(epoch FROM now() - p.since) / 86400 AS usual
        FROM (SELECT date_trunc('hour', now(), 'UTC') - $3 AS since) AS p
        JOIN msgstatus.failure_rollup AS r ON r.hour >= p.since - interval '24 hours'
        WHERE r.error_code IS NOT NULL
        GROUP BY r.provider, r.error_code, p.since
    ) AS f
    LEFT JOIN msgstatus.error_code_catalog AS c
        ON c.code = f.error_code AND c.provider = CASE f.provider WHEN 'twilio' THEN 'twilio' ELSE 'meta' END
    WHERE f.now >= GREATEST($2, 1) AND f.now > $1 * f.usual
$$;
COMMENT ON FUNCTION msgstatus.alert_error_code(numeric, integer, interval, interval) IS
    'A row for each error code by which at least minimum_count messages failed, and more than threshold times as many as expected from the 24 hours before';
