-- When a campaign may be sent, and how fast.

CREATE FUNCTION msgstatus.sending_ends(campaign uuid, at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT CASE
            WHEN c.starts_at > at THEN NULL
            WHEN c.send_from IS NULL THEN 'infinity'
            WHEN c.send_from < c.send_until AND NOT (l.local::time >= c.send_from AND l.local::time < c.send_until) THEN NULL
            WHEN c.send_from > c.send_until AND l.local::time >= c.send_from THEN
                (l.local::date + 1 + c.send_until) AT TIME ZONE c.time_zone
            WHEN c.send_from > c.send_until AND l.local::time >= c.send_until THEN NULL
            ELSE (l.local::date + c.send_until) AT TIME ZONE c.time_zone
        END
        FROM msgstatus.campaign AS c
        CROSS JOIN LATERAL (SELECT at AT TIME ZONE c.time_zone) AS l (local)
        WHERE c.campaign_id = campaign);
END
$$;
COMMENT ON FUNCTION msgstatus.sending_ends(uuid, timestamptz) IS
    'When the sending hours of a campaign end in which a time lies; infinity if there are none; NULL outside them, and before the campaign starts';

CREATE FUNCTION msgstatus.paced_sends(campaign uuid, at timestamptz, wait boolean) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    rate integer := (SELECT c.sends_per_second FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign);
    sends numeric;
BEGIN
    IF NOT EXISTS (SELECT FROM msgstatus.campaign_pace AS p WHERE p.campaign_id = campaign) THEN
        INSERT INTO msgstatus.campaign_pace (campaign_id, sends, counted_at) VALUES (campaign, rate, at) ON CONFLICT DO NOTHING;
    END IF;
    IF NOT wait THEN
        PERFORM FROM msgstatus.campaign_pace AS p WHERE p.campaign_id = campaign FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    UPDATE msgstatus.campaign_pace AS p
    SET sends = LEAST(rate, p.sends + rate * GREATEST(extract(epoch FROM at - p.counted_at), 0)),
        counted_at = GREATEST(p.counted_at, at)
    WHERE p.campaign_id = campaign
    RETURNING p.sends INTO sends;
    RETURN floor(sends);
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.paced_sends(uuid, timestamptz, boolean) IS
    'How many sends the pace of a campaign leaves at a time, whose row it locks; NULL if another session holds the lock, at once or after a second';
