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

-- The messages of a recipient in the lists of days; from some of these, single messages were dropped.
CREATE FUNCTION msgstatus.listed_messages(recipient text, lists date[], shortened date[]) RETURNS bigint
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    listed bigint;
    listed_days date[];
    missing date;
BEGIN
    SELECT COALESCE(sum(r.messages), 0), COALESCE(array_agg(r.day), '{}') INTO listed, listed_days
    FROM msgstatus.recipient_rollup AS r WHERE r.day = ANY (lists) AND r.recipient = listed_messages.recipient;
    -- A recipient who is not in a shortened list got at most one message that day.
    FOREACH missing IN ARRAY shortened LOOP
        IF missing <> ALL (listed_days) AND EXISTS (SELECT FROM msgstatus.message AS m
            WHERE m.recipient = listed_messages.recipient AND m.direction IS DISTINCT FROM 'inbound'
                AND m.created_at >= missing::timestamp AT TIME ZONE 'UTC' AND m.created_at < (missing + 1)::timestamp AT TIME ZONE 'UTC')
        THEN
            listed := listed + 1;
        END IF;
    END LOOP;
    RETURN listed;
END
$$;
COMMENT ON FUNCTION msgstatus.listed_messages(text, date[], date[]) IS
    'How many messages a recipient got on days whose lists are valid, some of them without single messages; used by recipient_engagement()';

-- The recipients with most messages since a day began, from a window that is right and goes to yesterday at least. Who has no total
-- has at most one message in it: so what has more than one is right.
CREATE FUNCTION msgstatus.top_of_window(first_day date, wanted integer, OUT names text[], OUT sums bigint[])
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    kept record;
BEGIN
    SELECT w.days, w.counted_before INTO kept FROM msgstatus.right_windows() AS w
    WHERE w.first_day = top_of_window.first_day AND w.counted_before > now() - interval '24 hours';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH listed AS MATERIALIZED (
        SELECT t.recipient, t.messages FROM msgstatus.recipient_total AS t
        WHERE t.days = kept.days
        ORDER BY t.messages DESC, t.recipient LIMIT wanted
    ), unlisted AS MATERIALIZED (
        SELECT m.recipient, count(*) AS messages
        FROM msgstatus.message AS m
        WHERE m.created_at >= kept.counted_before AND m.recipient IS NOT NULL AND m.direction IS DISTINCT FROM 'inbound'
        GROUP BY m.recipient
    ), met AS (
        SELECT u.recipient, u.messages + COALESCE(t.messages, e.messages) AS messages
        FROM unlisted AS u
        LEFT JOIN msgstatus.recipient_total AS t ON t.days = kept.days AND t.recipient = u.recipient
        CROSS JOIN LATERAL (
            SELECT count(*) AS messages
            FROM msgstatus.message AS m
            WHERE t.recipient IS NULL AND u.messages + 1 >= (SELECT CASE count(*) WHEN wanted THEN min(l.messages) ELSE 2 END FROM listed AS l)
                AND m.recipient = u.recipient AND m.direction IS DISTINCT FROM 'inbound'
                AND m.created_at >= top_of_window.first_day::timestamp AT TIME ZONE 'UTC' AND m.created_at < kept.counted_before
        ) AS e
    )
    SELECT array_agg(s.recipient ORDER BY s.messages DESC, s.recipient), array_agg(s.messages ORDER BY s.messages DESC, s.recipient)
    INTO names, sums
    FROM (
        SELECT a.recipient, max(a.messages) AS messages
        FROM (SELECT l.recipient, l.messages FROM listed AS l UNION ALL SELECT n.recipient, n.messages FROM met AS n) AS a
        GROUP BY a.recipient
        ORDER BY max(a.messages) DESC, a.recipient LIMIT wanted
    ) AS s;
END
$$;
COMMENT ON FUNCTION msgstatus.top_of_window(date, integer) IS
    'The recipients with the most messages since a day of UTC began, and how many, as far as recipient_total tells; used by recipient_engagement()';

-- The recipients with most messages since a day began, by the threshold algorithm. Reads the list of each day from its top, and
-- counts the messages that are in no list yet. What was read of a list says how many messages a recipient got, or at most got, that
-- day. The messages of those who may be among the wanted are summed. If nobody who was not met can have more than the last of
-- them, they are found. Where recipients are so even that the tops say little, everybody with two messages on a day is met;
-- where even that is not enough, messages are counted. All of that is needed only where recipient_total has no window that begins
-- with the day: with one, the top of its list and what came since tell. Of recipients with as many messages, the first by
-- the order of their numbers are among the wanted.
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
    -- NULL: all with more than one message.
    depth integer := GREATEST(wanted, 20) * 2;
    -- So many recipients are summed at most, before the lists are read on.
    most_summed integer := GREATEST(wanted, 20) * 20;
    names text[];
    sums bigint[];
    -- How many recipients had to be summed, and the most messages that a recipient who was not met can have.
    to_be_summed bigint;
    reached bigint;
BEGIN
    SELECT w.names, w.sums INTO names, sums FROM msgstatus.top_of_window(first_day, wanted) AS w;
    IF sums[wanted] > 1 THEN
        RETURN QUERY SELECT t.recipient, t.messages FROM unnest(names, sums) AS t (recipient, messages);
        RETURN;
    END IF;

    SELECT COALESCE(array_agg(d.day), '{}'), COALESCE(array_agg(d.day) FILTER (WHERE d.least > 1), '{}')
    INTO lists, shortened
    FROM msgstatus.recipient_day AS d
    WHERE d.day >= first_day AND (d.messages, d.recipients) = (
        SELECT COALESCE(sum(r.messages), 0), COALESCE(sum(r.recipients), 0) FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= d.day::timestamp AT TIME ZONE 'UTC' AND r.hour < d.counted_before);

    LOOP
        IF unlisted_recipients IS NULL THEN
            SELECT COALESCE(array_agg(c.recipient), '{}'), array_agg(c.messages)
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

        WITH met AS MATERIALIZED (
            SELECT l.day, r.recipient, r.messages
            FROM unnest(lists) AS l (day),
                LATERAL (SELECT r.recipient, r.messages FROM msgstatus.recipient_rollup AS r
                    WHERE r.day = l.day AND r.messages >= CASE WHEN depth IS NULL THEN 2 ELSE 1 END
                    ORDER BY r.messages DESC, r.recipient LIMIT depth) AS r
        ), bound AS MATERIALIZED (
            -- The most messages of a day that a recipient can have who was not met in its list.
            SELECT l.day, CASE WHEN depth IS NULL THEN 1 WHEN count(m.day) = depth THEN min(m.messages)
                ELSE (l.day = ANY (shortened))::integer END AS messages
            FROM unnest(lists) AS l (day) LEFT JOIN met AS m USING (day)
            GROUP BY l.day
        ), candidate AS MATERIALIZED (
            SELECT c.recipient, sum(c.unlisted) AS unlisted, sum(c.unlisted + c.listed) AS least,
                sum(c.unlisted + c.listed - c.bound) + (SELECT COALESCE(sum(b.messages), 0) FROM bound AS b) AS most
            FROM (
                SELECT m.recipient, 0 AS unlisted, m.messages AS listed, b.messages AS bound FROM met AS m JOIN bound AS b USING (day)
                UNION ALL
                SELECT u.recipient, u.messages, 0, 0 FROM unnest(unlisted_recipients, unlisted_messages) AS u (recipient, messages)
            ) AS c
            GROUP BY c.recipient
        ), first AS MATERIALIZED (
            SELECT c.recipient, c.unlisted + msgstatus.listed_messages(c.recipient, lists, shortened) AS messages
            FROM (SELECT * FROM candidate AS c ORDER BY c.least DESC, c.recipient
                LIMIT wanted * 2 + CASE WHEN depth IS NULL THEN 300 ELSE 0 END) AS c
        ), other AS MATERIALIZED (
            SELECT c.recipient, c.unlisted FROM candidate AS c
            WHERE c.most >= COALESCE((SELECT f.messages FROM first AS f ORDER BY f.messages DESC OFFSET wanted - 1 LIMIT 1), 0)
                AND c.recipient NOT IN (SELECT f.recipient FROM first AS f)
        ), summed AS (
            SELECT s.recipient, s.messages
            FROM (
                SELECT f.recipient, f.messages FROM first AS f
                UNION ALL
                SELECT o.recipient, o.unlisted + msgstatus.listed_messages(o.recipient, lists, shortened) FROM other AS o
                WHERE (SELECT count(*) FROM other) <= most_summed
            ) AS s
            ORDER BY s.messages DESC, s.recipient
            LIMIT wanted
        )
        SELECT (SELECT count(*) FROM other), (SELECT COALESCE(sum(b.messages), 0) FROM bound AS b),
            ARRAY(SELECT s.recipient FROM summed AS s), ARRAY(SELECT s.messages FROM summed AS s)
        INTO to_be_summed, reached, names, sums;

        EXIT WHEN to_be_summed <= most_summed AND (reached = 0 OR sums[wanted] > reached);
        IF depth IS NULL THEN
            lists := '{}';
            shortened := '{}';
            unlisted_recipients := NULL;
        ELSIF depth < wanted * 30 THEN
            depth := depth * 4;
        ELSE
            depth := NULL;
            most_summed := 20000;
        END IF;
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
