-- The daily limit of a campaign. It limits claims: a sender may send a claimed recipient's message until its lease expires, and
-- a sender that crashed may have sent it. So a claim counts for each day that its lease touches, until its sender reports the
-- day of the send, or that nothing was sent.

CREATE FUNCTION msgstatus.campaign_days(campaign uuid, first timestamptz, last timestamptz) RETURNS date[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT array_agg(DISTINCT d ORDER BY d)
        FROM msgstatus.campaign AS c,
            LATERAL (VALUES ((first AT TIME ZONE c.time_zone)::date), ((last AT TIME ZONE c.time_zone)::date)) AS v (d)
        WHERE c.campaign_id = campaign);
END
$$;
COMMENT ON FUNCTION msgstatus.campaign_days(uuid, timestamptz, timestamptz) IS
    'The days of two times in the time zone of a campaign: one or two, ascending';

CREATE FUNCTION msgstatus.count_sends(campaign uuid, days date[], number integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted date;
BEGIN
    -- One day at a time, so that the rows are locked in the order of days.
    FOREACH counted IN ARRAY days LOOP
        UPDATE msgstatus.campaign_day AS d SET claimed = d.claimed + number WHERE d.campaign_id = campaign AND d.day = counted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.count_sends(uuid, date[], integer) IS
    'Adds a number of sends, which may be negative, to each of the days, if the campaign has a limit';

CREATE FUNCTION msgstatus.count_attempt(campaign uuid, claimed_at timestamptz, leased_until timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at timestamptz := clock_timestamp();
    number text := (SELECT c.sender FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign);
    leased date[] := msgstatus.campaign_days(campaign, claimed_at, leased_until);
    today date[] := msgstatus.campaign_days(campaign, at, at);
BEGIN
    IF claimed_at IS NULL THEN
        PERFORM msgstatus.count_sends(campaign, today, 1);
    ELSIF leased && today THEN
        PERFORM msgstatus.count_sends(campaign, array_remove(leased, today[1]), -1);
    END IF;
    IF number IS NOT NULL THEN
        leased := msgstatus.sender_days(number, claimed_at, leased_until);
        today := msgstatus.sender_days(number, at, at);
        IF claimed_at IS NULL THEN
            PERFORM msgstatus.count_sender_sends(number, today, 1);
        ELSIF leased && today THEN
            PERFORM msgstatus.count_sender_sends(number, array_remove(leased, today[1]), -1);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.count_attempt(uuid, timestamptz, timestamptz) IS
    'Counts an attempt for today only: adds an attempt that was not claimed, and removes the other day of a lease that touches two';

CREATE FUNCTION msgstatus.begin_days(campaign uuid, days date[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    zone text := (SELECT c.time_zone FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign);
BEGIN
    IF EXISTS (SELECT FROM unnest(days) AS n (day)
        WHERE NOT EXISTS (SELECT FROM msgstatus.campaign_day AS d WHERE d.campaign_id = campaign AND d.day = n.day)) THEN
        -- The first claim of a day, or the first since there is a limit: earlier sends of the day count too.
        INSERT INTO msgstatus.campaign_day (campaign_id, day, claimed)
        SELECT campaign, n.day, count(a.at)
        FROM unnest(days) AS n (day)
        LEFT JOIN (
            SELECT GREATEST(r.claimed_at, r.sent_at, r.failed_at)
            FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign
            UNION ALL
            SELECT COALESCE(e.sent_at, e.failed_at) FROM msgstatus.campaign_attempt AS e WHERE e.campaign_id = campaign
        ) AS a (at) ON a.at >= n.day::timestamp AT TIME ZONE zone
        GROUP BY n.day
        ORDER BY n.day
        ON CONFLICT (campaign_id, day) DO NOTHING;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.begin_days(uuid, date[]) IS
    'Adds the rows of campaign_day that are missing for these days, with the sends of the campaign since the day began';

CREATE FUNCTION msgstatus.sends_left(campaign uuid, days date[], wait boolean) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    daily integer;
    used integer;
    locked integer;
BEGIN
    SELECT c.daily_send_limit INTO daily FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign;
    PERFORM msgstatus.begin_days(campaign, days);
    IF wait THEN
        SELECT max(l.claimed), count(*) INTO used, locked FROM (
            SELECT d.claimed FROM msgstatus.campaign_day AS d WHERE d.campaign_id = campaign AND d.day = ANY (days)
            ORDER BY d.day FOR NO KEY UPDATE) AS l;
    ELSE
        SELECT max(l.claimed), count(*) INTO used, locked FROM (
            SELECT d.claimed FROM msgstatus.campaign_day AS d WHERE d.campaign_id = campaign AND d.day = ANY (days)
            ORDER BY d.day FOR NO KEY UPDATE SKIP LOCKED) AS l;
    END IF;
    RETURN CASE WHEN locked = cardinality(days) THEN daily - used END;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.sends_left(uuid, date[], boolean) IS
    'How many sends the daily limit of a campaign leaves on all of the days, whose rows it locks; NULL if another session holds the locks, at once or after a second';
