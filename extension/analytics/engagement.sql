-- recipient_engagement(): the recipients with the most messages, and how many of these they read.

CREATE TYPE msgstatus.engagement_row AS (
    recipient text,
    messages bigint,
    delivered bigint,
    read bigint,
    read_rate numeric,
    avg_read_seconds numeric,
    last_read_at timestamptz
);
COMMENT ON TYPE msgstatus.engagement_row IS 'A row of recipient_engagement()';

-- The recipients with most messages since a day began, by the threshold algorithm. Reads the list of each day from its top, and
-- the messages that are in no list yet. Every recipient found there is a candidate, and the messages of each candidate are
-- summed. When the lowest counts read so far in all lists add up to no more than the sum of the last wanted candidate, no other
-- recipient can have more.
CREATE FUNCTION msgstatus.top_recipients(first_day date, wanted integer) RETURNS TABLE (recipient text, messages bigint)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    last_day CONSTANT date := (now() AT TIME ZONE 'UTC')::date;
    -- Days whose list is still valid, and those of them from whose list single messages were dropped.
    lists date[];
    shortened date[];
    -- The messages that are in none of the lists, counted.
    unlisted_recipients text[];
    unlisted_messages bigint[];
    depth integer := GREATEST(wanted, 20) * 2;
    names text[];
    sums bigint[];
    -- The most messages that a recipient outside the candidates can have.
    reached bigint;
    all_met boolean;
BEGIN
    SELECT COALESCE(array_agg(d.day), '{}'), COALESCE(array_agg(d.day) FILTER (WHERE d.least > 1), '{}')
    INTO lists, shortened
    FROM msgstatus.recipient_day AS d
    WHERE d.day >= first_day AND (d.messages, d.recipients) = (
        SELECT COALESCE(sum(r.messages), 0), COALESCE(sum(r.recipients), 0) FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= d.day::timestamp AT TIME ZONE 'UTC' AND r.hour < d.counted_before);

    LOOP
        IF unlisted_recipients IS NULL THEN
            SELECT COALESCE(array_agg(c.recipient ORDER BY c.messages DESC), '{}'), array_agg(c.messages ORDER BY c.messages DESC)
            INTO unlisted_recipients, unlisted_messages
            FROM (
                SELECT m.recipient, count(*) AS messages
                FROM generate_series(0, last_day - first_day) AS n
                LEFT JOIN msgstatus.recipient_day AS d ON d.day = first_day + n AND d.day = ANY (lists)
                JOIN msgstatus.message AS m
                    ON m.created_at >= COALESCE(d.counted_before, (first_day + n)::timestamp AT TIME ZONE 'UTC')
                    AND m.created_at < (first_day + n + 1)::timestamp AT TIME ZONE 'UTC'
                WHERE m.recipient IS NOT NULL AND m.direction IS DISTINCT FROM 'inbound'
                GROUP BY m.recipient
            ) AS c;
        END IF;

        WITH unlisted AS (
            SELECT u.recipient, u.messages, u.rank
            FROM unnest(unlisted_recipients, unlisted_messages) WITH ORDINALITY AS u (recipient, messages, rank)
        ), met AS (
            SELECT l.day, r.recipient, r.messages
            FROM unnest(lists) AS l (day),
                LATERAL (SELECT r.recipient, r.messages FROM msgstatus.recipient_rollup AS r WHERE r.day = l.day
                    ORDER BY r.messages DESC, r.recipient LIMIT depth) AS r
        ), bound AS (
            SELECT sum(b.messages) AS messages, bool_and(b.ended) AS ended
            FROM (
                SELECT CASE WHEN count(m.day) = depth THEN min(m.messages) ELSE (l.day = ANY (shortened))::integer END AS messages,
                    count(m.day) < depth AS ended
                FROM unnest(lists) AS l (day) LEFT JOIN met AS m USING (day)
                GROUP BY l.day
                UNION ALL
                SELECT COALESCE((SELECT u.messages FROM unlisted AS u WHERE u.rank = depth), 0), cardinality(unlisted_recipients) < depth
            ) AS b
        ), summed AS (
            SELECT c.recipient, COALESCE(max(u.messages), 0) + COALESCE(sum(r.messages), 0)
                -- A recipient who is not in a shortened list got at most one message that day.
                + CASE WHEN shortened = '{}' THEN 0 ELSE (
                    SELECT count(*) FROM unnest(shortened) AS s (day)
                    WHERE NOT EXISTS (SELECT FROM msgstatus.recipient_rollup AS l WHERE l.day = s.day AND l.recipient = c.recipient)
                        AND EXISTS (SELECT FROM msgstatus.message AS m
                            WHERE m.recipient = c.recipient AND m.direction IS DISTINCT FROM 'inbound'
                                AND m.created_at >= s.day::timestamp AT TIME ZONE 'UTC'
                                AND m.created_at < (s.day + 1)::timestamp AT TIME ZONE 'UTC')) END AS messages
            FROM (SELECT m.recipient FROM met AS m UNION SELECT u.recipient FROM unlisted AS u WHERE u.rank <= depth) AS c
            LEFT JOIN unlisted AS u ON u.recipient = c.recipient
            LEFT JOIN msgstatus.recipient_rollup AS r ON r.day = ANY (lists) AND r.recipient = c.recipient
            GROUP BY c.recipient
            ORDER BY messages DESC, c.recipient
            LIMIT wanted
        )
        SELECT b.messages, b.ended, ARRAY(SELECT s.recipient FROM summed AS s), ARRAY(SELECT s.messages FROM summed AS s)
        INTO reached, all_met, names, sums
        FROM bound AS b;

        EXIT WHEN reached = 0 OR sums[wanted] >= reached;
        IF all_met THEN
            -- The other recipients got one message on some days, which only the messages show.
            lists := ARRAY(SELECT l FROM unnest(lists) AS l WHERE l <> ALL (shortened));
            shortened := '{}';
            unlisted_recipients := NULL;
        END IF;
        depth := depth * 4;
    END LOOP;
    RETURN QUERY SELECT t.recipient, t.messages FROM unnest(names, sums) AS t (recipient, messages);
END
$$;
COMMENT ON FUNCTION msgstatus.top_recipients(date, integer) IS
    'The recipients with the most messages since a day of UTC began, and how many; used by recipient_engagement()';

CREATE FUNCTION msgstatus.read_recipient_engagement(sees_all boolean, days integer, max_recipients integer)
RETURNS SETOF msgstatus.engagement_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_day date;
BEGIN
    IF days < 1 OR max_recipients < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'days and max_recipients must be positive';
    END IF;
    first_day := (now() AT TIME ZONE 'UTC')::date - (days - 1);
    RETURN QUERY
    SELECT CASE WHEN sees_all THEN t.recipient ELSE msgstatus.mask_address(t.recipient) END,
        t.messages, e.delivered, e.read, msgstatus.percentage(e.read, e.delivered), msgstatus.seconds(e.reading), e.last_read_at
    FROM msgstatus.top_recipients(first_day, max_recipients) AS t,
        LATERAL (
            SELECT count(msgstatus.reached_at(m.status, 'delivered')) AS delivered, count(msgstatus.reached_at(m.status, 'read')) AS read,
                avg(msgstatus.read_delay(m.status)) AS reading, max(msgstatus.reached_at(m.status, 'read')) AS last_read_at
            FROM msgstatus.message AS m
            WHERE m.recipient = t.recipient AND m.direction IS DISTINCT FROM 'inbound'
                AND m.created_at >= first_day::timestamp AT TIME ZONE 'UTC'
        ) AS e
    -- The order of numbers among equals would reveal much of the numbers.
    ORDER BY msgstatus.percentage(e.read, e.delivered) DESC NULLS LAST, e.read DESC, t.messages DESC,
        CASE WHEN sees_all THEN t.recipient ELSE msgstatus.stand_in((SELECT k.key FROM msgstatus.id_key AS k), t.recipient) END;
END
$$;
COMMENT ON FUNCTION msgstatus.read_recipient_engagement(boolean, integer, integer) IS
    'recipient_engagement() for the owner of the tables';

CREATE FUNCTION msgstatus.recipient_engagement(days integer DEFAULT 7, max_recipients integer DEFAULT 50)
RETURNS SETOF msgstatus.engagement_row
    LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.recipient_engagement(integer, integer) IS
    'The recipients with the most messages in the last days (of UTC, including today) and how many they read, the most engaged first; addresses as in message_log; 22023 for a number that is not positive';
