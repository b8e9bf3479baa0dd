-- The messages of recipients that begin alike, counted by period and state: from the rollups where these are right, else at most.

CREATE TYPE msgstatus.prefix_count AS (
    beginning timestamptz,
    ending timestamptz,
    inbound boolean,
    known boolean,
    messages bigint,
    in_processing bigint,
    in_received bigint,
    in_pending bigint,
    in_scheduled bigint,
    in_accepted bigint,
    in_queued bigint,
    in_sending bigint,
    in_sent bigint,
    in_partially_delivered bigint,
    in_skipped bigint,
    in_canceled bigint,
    in_failed bigint,
    in_undelivered bigint,
    in_delivered bigint,
    in_read bigint,
    in_played bigint
);
COMMENT ON TYPE msgstatus.prefix_count IS
    'The messages of a period whose recipients begin alike, incoming or outgoing; known: exactly so many, else no more than that';

-- Of incoming messages, the recipient is the sender in message_rollup, which is exact. Outgoing ones are in prefix_rollup as far
-- as that is right. Of a prefix of more than six characters, it counts periods in which there are many; in others, a shorter one says
-- how many there are at most. Reads whole hours.
CREATE FUNCTION msgstatus.prefix_counts(recipient_prefix text, from_hour timestamptz, to_hour timestamptz)
    RETURNS SETOF msgstatus.prefix_count
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    condition text := format('r.prefix LIKE %L AND length(r.prefix) <= 6', msgstatus.like_pattern(recipient_prefix) || '%');
    known text := 'true';
BEGIN
    IF length(recipient_prefix) > 6 THEN
        -- The longest beginning of the prefix that the period has a row of.
        condition := format('r.prefix = ANY (%1$L) AND r.prefix = (SELECT max(d.prefix) FROM msgstatus.prefix_rollup AS d
            WHERE d.prefix = ANY (%1$L) AND d.beginning = r.beginning)',
            ARRAY(SELECT left(recipient_prefix, n) FROM generate_series(6, LEAST(8, length(recipient_prefix))) AS n));
        known := format('r.prefix = %L', recipient_prefix);
    END IF;
    -- The pattern is a part of the statement, so that it can be looked up in an index.
    RETURN QUERY EXECUTE format($sql$
        WITH period AS MATERIALIZED (
            SELECT p.beginning, p.ending FROM msgstatus.prefix_periods(true) AS p WHERE p.beginning >= $1 AND p.ending <= $2
        ), gap AS MATERIALIZED (
            SELECT g.beginning, g.ending
            FROM (
                SELECT COALESCE(lag(p.ending) OVER (ORDER BY p.beginning), $1) AS beginning, p.beginning AS ending
                FROM (SELECT p.beginning, p.ending FROM period AS p UNION ALL SELECT $2, NULL) AS p
            ) AS g
            WHERE g.beginning < g.ending
        )
        SELECT p.beginning, p.ending, false, COALESCE(c.known, true), COALESCE(c.messages, 0)::bigint,
            COALESCE(c.in_processing, 0)::bigint, COALESCE(c.in_received, 0)::bigint,
            COALESCE(c.in_pending, 0)::bigint, COALESCE(c.in_scheduled, 0)::bigint,
            COALESCE(c.in_accepted, 0)::bigint, COALESCE(c.in_queued, 0)::bigint, COALESCE(c.in_sending, 0)::bigint,
            COALESCE(c.in_sent, 0)::bigint, COALESCE(c.in_partially_delivered, 0)::bigint,
            COALESCE(c.in_skipped, 0)::bigint, COALESCE(c.in_canceled, 0)::bigint, COALESCE(c.in_failed, 0)::bigint,
            COALESCE(c.in_undelivered, 0)::bigint, COALESCE(c.in_delivered, 0)::bigint,
            COALESCE(c.in_read, 0)::bigint, COALESCE(c.in_played, 0)::bigint
        FROM period AS p LEFT JOIN (
            SELECT r.beginning, bool_and(%3$s) AS known, sum(r.messages) AS messages,
                sum(r.in_processing) AS in_processing, sum(r.in_received) AS in_received,
                sum(r.in_pending) AS in_pending, sum(r.in_scheduled) AS in_scheduled,
                sum(r.in_accepted) AS in_accepted, sum(r.in_queued) AS in_queued, sum(r.in_sending) AS in_sending,
                sum(r.in_sent) AS in_sent, sum(r.in_partially_delivered) AS in_partially_delivered,
                sum(r.in_skipped) AS in_skipped, sum(r.in_canceled) AS in_canceled, sum(r.in_failed) AS in_failed,
                sum(r.in_undelivered) AS in_undelivered, sum(r.in_delivered) AS in_delivered,
                sum(r.in_read) AS in_read, sum(r.in_played) AS in_played
            FROM msgstatus.prefix_rollup AS r
            WHERE %1$s AND r.beginning >= $1 AND r.beginning < $2
            GROUP BY r.beginning
        ) AS c USING (beginning)
        UNION ALL
        SELECT g.beginning, g.ending, false, false, COALESCE(c.messages, 0)::bigint,
            COALESCE(c.in_processing, 0)::bigint, COALESCE(c.in_received, 0)::bigint,
            COALESCE(c.in_pending, 0)::bigint, COALESCE(c.in_scheduled, 0)::bigint,
            COALESCE(c.in_accepted, 0)::bigint, COALESCE(c.in_queued, 0)::bigint, COALESCE(c.in_sending, 0)::bigint,
            COALESCE(c.in_sent, 0)::bigint, COALESCE(c.in_partially_delivered, 0)::bigint,
            COALESCE(c.in_skipped, 0)::bigint, COALESCE(c.in_canceled, 0)::bigint, COALESCE(c.in_failed, 0)::bigint,
            COALESCE(c.in_undelivered, 0)::bigint, COALESCE(c.in_delivered, 0)::bigint,
            COALESCE(c.in_read, 0)::bigint, COALESCE(c.in_played, 0)::bigint
        FROM gap AS g, LATERAL (
            SELECT sum(r.messages) AS messages,
                sum(r.in_processing) AS in_processing, sum(r.in_received) AS in_received,
                sum(r.in_pending) AS in_pending, sum(r.in_scheduled) AS in_scheduled,
                sum(r.in_accepted) AS in_accepted, sum(r.in_queued) AS in_queued, sum(r.in_sending) AS in_sending,
                sum(r.in_sent) AS in_sent, sum(r.in_partially_delivered) AS in_partially_delivered,
                sum(r.in_skipped) AS in_skipped, sum(r.in_canceled) AS in_canceled, sum(r.in_failed) AS in_failed,
                sum(r.in_undelivered) AS in_undelivered, sum(r.in_delivered) AS in_delivered,
                sum(r.in_read) AS in_read, sum(r.in_played) AS in_played
            FROM msgstatus.hour_rollup AS r
            WHERE r.hour >= g.beginning AND r.hour < g.ending AND NOT r.inbound
        ) AS c
        UNION ALL
        SELECT r.hour, r.hour + interval '1 hour', true, true, sum(r.messages)::bigint,
            sum(r.in_processing)::bigint, sum(r.in_received)::bigint, sum(r.in_pending)::bigint,
            sum(r.in_scheduled)::bigint, sum(r.in_accepted)::bigint, sum(r.in_queued)::bigint,
            sum(r.in_sending)::bigint, sum(r.in_sent)::bigint, sum(r.in_partially_delivered)::bigint,
            sum(r.in_skipped)::bigint, sum(r.in_canceled)::bigint, sum(r.in_failed)::bigint,
            sum(r.in_undelivered)::bigint, sum(r.in_delivered)::bigint, sum(r.in_read)::bigint,
            sum(r.in_played)::bigint
        FROM msgstatus.message_rollup AS r
        WHERE r.direction = 'inbound' AND r.sender LIKE %2$L AND r.hour >= $1 AND r.hour < $2
        GROUP BY r.hour $sql$,
        condition, msgstatus.like_pattern(recipient_prefix) || '%', known)
    USING from_hour, to_hour;
END
$$;
COMMENT ON FUNCTION msgstatus.prefix_counts(text, timestamptz, timestamptz) IS
    'The messages whose recipients begin with a text, counted by period and state; periods without any are among them';
