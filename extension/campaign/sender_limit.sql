-- The daily limit of a sender number, which its campaigns share. It counts as the limit of a campaign does, in days of its own.

CREATE FUNCTION msgstatus.limit_sender(sender text, daily_send_limit integer, time_zone text DEFAULT 'UTC') RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    number text := NULLIF(msgstatus.normalize_address($1), '');
BEGIN
    PERFORM msgstatus.check_installation();
    IF number IS NULL OR $3 IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'sender and time_zone must not be null or empty';
    END IF;
    IF $2 <= 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'daily_send_limit must be positive', HINT = 'NULL means no limit.';
    END IF;
    -- One call at a time, so that the limit has the zone of the last one.
    PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.limit_sender ' || number, 0));
    -- The days of another zone are others, and are counted anew.
    DELETE FROM msgstatus.sender_limit AS l WHERE l.sender = number AND ($2 IS NULL OR l.time_zone <> $3);
    IF $2 IS NOT NULL THEN
        INSERT INTO msgstatus.sender_limit AS l (sender, daily_send_limit, time_zone) VALUES (number, $2, $3)
        ON CONFLICT ON CONSTRAINT sender_limit_pkey DO UPDATE SET daily_send_limit = excluded.daily_send_limit;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.limit_sender(text, integer, text) IS
    'Sets the daily limit that the campaigns of a sender number share, in days of a time zone; NULL removes it; 22023 for a limit that is not positive, 22004 for NULL in another parameter';

CREATE FUNCTION msgstatus.sender_days(sender text, first timestamptz, last timestamptz) RETURNS date[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN (
        SELECT array_agg(DISTINCT d ORDER BY d)
        FROM msgstatus.sender_limit AS l,
            LATERAL (VALUES (($2 AT TIME ZONE l.time_zone)::date), (($3 AT TIME ZONE l.time_zone)::date)) AS v (d)
        WHERE l.sender = $1);
END
$$;
COMMENT ON FUNCTION msgstatus.sender_days(text, timestamptz, timestamptz) IS
    'The days of two times in the time zone of a sender number: one or two, ascending; NULL if the number has no limit';

CREATE FUNCTION msgstatus.count_sender_sends(sender text, days date[], number integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    counted date;
BEGIN
    -- One day at a time, so that the rows are locked in the order of days.
    FOREACH counted IN ARRAY COALESCE($2, '{}') LOOP
        UPDATE msgstatus.sender_day AS d SET claimed = d.claimed + $3 WHERE d.sender = $1 AND d.day = counted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.count_sender_sends(text, date[], integer) IS
    'Adds a number of sends, which may be negative, to each of the days, if the sender number has a limit';

CREATE FUNCTION msgstatus.sender_sends_left(sender text, days date[], wait boolean) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
    daily integer;
    zone text;
    used integer;
    locked integer;
BEGIN
    SELECT l.daily_send_limit, l.time_zone INTO daily, zone FROM msgstatus.sender_limit AS l WHERE l.sender = $1;
    IF EXISTS (SELECT FROM unnest($2) AS n (day)
        WHERE NOT EXISTS (SELECT FROM msgstatus.sender_day AS d WHERE d.sender = $1 AND d.day = n.day)) THEN
        -- The first claim of a day, or the first since there is a limit: earlier sends of the day count too.
        INSERT INTO msgstatus.sender_day (sender, day, claimed)
        SELECT $1, n.day, count(a.at)
        FROM unnest($2) AS n (day)
        LEFT JOIN (
            SELECT GREATEST(r.claimed_at, r.sent_at, r.failed_at)
            FROM msgstatus.campaign AS c JOIN msgstatus.campaign_recipient AS r ON r.campaign_id = c.campaign_id
            WHERE c.sender = $1
            UNION ALL
            SELECT COALESCE(e.sent_at, e.failed_at)
            FROM msgstatus.campaign AS c JOIN msgstatus.campaign_attempt AS e ON e.campaign_id = c.campaign_id
            WHERE c.sender = $1
        ) AS a (at) ON a.at >= n.day::timestamp AT TIME ZONE zone
        GROUP BY n.day
        ORDER BY n.day
        ON CONFLICT DO NOTHING;
    END IF;
    IF $3 THEN
        SELECT max(l.claimed), count(*) INTO used, locked FROM (
            SELECT d.claimed FROM msgstatus.sender_day AS d WHERE d.sender = $1 AND d.day = ANY ($2)
            ORDER BY d.day FOR NO KEY UPDATE) AS l;
    ELSE
        SELECT max(l.claimed), count(*) INTO used, locked FROM (
            SELECT d.claimed FROM msgstatus.sender_day AS d WHERE d.sender = $1 AND d.day = ANY ($2)
            ORDER BY d.day FOR NO KEY UPDATE SKIP LOCKED) AS l;
    END IF;
    RETURN CASE WHEN locked = cardinality($2) THEN GREATEST(daily - used, 0) END;
-- foreign_key_violation: the limit was removed, or got days of another zone, meanwhile.
EXCEPTION WHEN lock_not_available OR deadlock_detected OR foreign_key_violation THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.sender_sends_left(text, date[], boolean) IS
    'How many sends the daily limit of a sender number leaves on all of the days, whose rows it locks; NULL if another session holds the locks, at once or after a second';
