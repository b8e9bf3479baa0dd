-- The life of a campaign: created, activated, paused, resumed, canceled.

CREATE FUNCTION msgstatus.create_campaign(
    name text,
    template_name text DEFAULT NULL,
    language_code text DEFAULT NULL,
    daily_send_limit integer DEFAULT NULL,
    max_retries integer DEFAULT 3,
    retry_delay interval DEFAULT '5 minutes',
    max_retry_delay interval DEFAULT '6 hours',
    retry_window interval DEFAULT '1 day',
    time_zone text DEFAULT 'UTC',
    provider text DEFAULT NULL,
    owner text DEFAULT CURRENT_USER,
    starts_at timestamptz DEFAULT NULL,
    send_from time DEFAULT NULL,
    send_until time DEFAULT NULL,
    sends_per_second integer DEFAULT NULL,
    sender text DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made uuid;
BEGIN
    PERFORM msgstatus.check_installation();
    IF COALESCE(create_campaign.name, '') = '' OR COALESCE(create_campaign.owner, '') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'name and owner of a campaign must not be empty';
    END IF;
    IF num_nulls($5, $6, $7, $8, $9) > 0 THEN
        RAISE null_value_not_allowed
            USING MESSAGE = 'max_retries, retry_delay, max_retry_delay, retry_window and time_zone must not be null';
    END IF;
    IF create_campaign.daily_send_limit <= 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'daily_send_limit must be positive',
            HINT = 'NULL means no limit.';
    END IF;
    IF create_campaign.sends_per_second <= 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'sends_per_second must be positive',
            HINT = 'NULL means no limit.';
    END IF;
    IF num_nulls($13, $14) = 1 OR $13 = $14 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'send_from and send_until must be two different times, or both null',
            HINT = 'NULL means at any hour.';
    END IF;
    IF LEAST(create_campaign.retry_delay, create_campaign.max_retry_delay, create_campaign.retry_window) < '0'
        OR create_campaign.max_retries < 0 THEN
        RAISE invalid_parameter_value
            USING MESSAGE = 'max_retries, retry_delay, max_retry_delay and retry_window must not be negative';
    END IF;
    INSERT INTO msgstatus.campaign (name, template_name, language_code, daily_send_limit, max_retries, retry_delay,
        max_retry_delay, retry_window, time_zone, provider, owner, starts_at, send_from, send_until, sends_per_second,
        sender)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULLIF($10, ''), $11, $12, $13, $14, $15, NULLIF(msgstatus.normalize_address($16), ''))
    RETURNING campaign_id INTO made;
    RETURN made;
END
$$;
COMMENT ON FUNCTION msgstatus.create_campaign(text, text, text, integer, integer, interval, interval, interval, text, text, text, timestamptz, time, time, integer, text) IS
    'Creates a campaign in status draft and returns its id; 23505 if the owner has a campaign of that name, 22023 for a value out of range, 22004 for NULL in a parameter that must have a value';

CREATE FUNCTION msgstatus.lock_campaign(campaign uuid, allowed text[]) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
BEGIN
    PERFORM msgstatus.check_installation();
    SELECT l.name, l.status INTO c FROM msgstatus.campaign AS l WHERE l.campaign_id = campaign FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('campaign %s does not exist', COALESCE(campaign::text, 'NULL'));
    END IF;
    IF c.status <> ALL (allowed) THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = format('campaign "%s" is %s', c.name, c.status),
            HINT = format('The campaign must be %s.', array_to_string(allowed, ' or '));
    END IF;
    RETURN c.status;
END
$$;
COMMENT ON FUNCTION msgstatus.lock_campaign(uuid, text[]) IS
    'Locks the row of a campaign and returns its status; P0002 for an unknown campaign, 55000 if its status is not allowed';

CREATE FUNCTION msgstatus.free_send_dates(campaign uuid, places bigint, starting date, moving boolean DEFAULT false)
RETURNS TABLE (place bigint, send_date date)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    daily integer := (SELECT c.daily_send_limit FROM msgstatus.campaign AS c WHERE c.campaign_id = $1);
BEGIN
    IF daily IS NULL THEN
        RETURN QUERY SELECT n, $3 FROM generate_series(1, $2) AS n;
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS (
        SELECT t.day, sum(t.places) AS places
        FROM (
            SELECT GREATEST(r.scheduled_send_date, $3), count(*)
            FROM msgstatus.campaign_recipient AS r
            WHERE r.campaign_id = $1 AND r.waiting AND r.scheduled_send_date IS NOT NULL
                AND NOT ($4 AND r.scheduled_send_date IS NOT DISTINCT FROM r.planned_send_date)
            GROUP BY 1
            UNION ALL
            SELECT d.day, d.claimed FROM msgstatus.campaign_day AS d WHERE d.campaign_id = $1 AND d.day >= $3
        ) AS t (day, places)
        GROUP BY t.day
    ), days AS (
        -- This many days are enough, even if all taken places lie in them.
        SELECT $3 + n AS day FROM generate_series(0, ((SELECT COALESCE(sum(t.places), 0) FROM taken AS t) + $2)::integer / daily) AS n
    )
    SELECT row_number() OVER (ORDER BY d.day), d.day
    FROM days AS d
    LEFT JOIN taken AS t ON t.day = d.day
    CROSS JOIN LATERAL generate_series(1, daily - COALESCE(t.places, 0))
    ORDER BY d.day
    LIMIT $2;
END
$$;
COMMENT ON FUNCTION msgstatus.free_send_dates(uuid, bigint, date, boolean) IS
    'The dates of this many sends of a campaign, from the free places of each day within the daily limit; the places of recipients that may move are free if moving is set';

CREATE FUNCTION msgstatus.first_day(campaign uuid) RETURNS date
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        -- Not today if the sending hours of today are over.
        SELECT GREATEST(c.first_send_date,
            n.at::date + COALESCE(c.send_from < c.send_until AND n.at::time >= c.send_until, false)::integer)
        FROM msgstatus.campaign AS c
        CROSS JOIN LATERAL (SELECT GREATEST(c.starts_at, clock_timestamp()) AT TIME ZONE c.time_zone) AS n (at)
        WHERE c.campaign_id = campaign);
END
$$;
COMMENT ON FUNCTION msgstatus.first_day(uuid) IS 'The first day on which a recipient of a campaign may still be sent to';

CREATE FUNCTION msgstatus.spread_recipients(campaign uuid, moving boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    -- Forces a hash join of recipients with their places. The statistics know nothing yet of a campaign that was just filled,
    -- and the planner would assume that it is empty.
    SET enable_nestloop = off SET jit = off
    AS $$
DECLARE
    places bigint;
    dates date[];
BEGIN
    SELECT count(*) INTO places
    FROM msgstatus.campaign_recipient AS r
    WHERE r.campaign_id = campaign AND r.waiting
        AND (r.scheduled_send_date IS NULL OR moving AND r.scheduled_send_date = r.planned_send_date);
    dates := ARRAY(SELECT d.send_date
        FROM msgstatus.free_send_dates(campaign, places, msgstatus.first_day(campaign), moving) AS d ORDER BY d.place);
    UPDATE msgstatus.campaign_recipient AS r
    SET scheduled_send_date = dates[p.place], planned_send_date = dates[p.place]
    FROM (
        SELECT u.recipient_id, row_number() OVER (ORDER BY u.recipient_number) AS place
        FROM msgstatus.campaign_recipient AS u
        WHERE u.campaign_id = campaign AND u.waiting
            AND (u.scheduled_send_date IS NULL OR moving AND u.scheduled_send_date = u.planned_send_date)
    ) AS p
    WHERE r.recipient_id = p.recipient_id AND r.campaign_id = campaign AND r.waiting
        AND r.planned_send_date IS DISTINCT FROM dates[p.place];
END
$$;
COMMENT ON FUNCTION msgstatus.spread_recipients(uuid, boolean) IS
    'Gives the waiting recipients of a campaign that have no date the next free ones; with moving, also those whose date was not set by hand';

CREATE FUNCTION msgstatus.campaign_limit_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Without a limit, claims are not counted. So what was counted is wrong once there is none, or one again.
    IF OLD.daily_send_limit IS NULL OR NEW.daily_send_limit IS NULL THEN
        -- Waits for claims under way, which do not count, and before days are locked: a report locks its recipient first.
        PERFORM FROM msgstatus.campaign_recipient AS r
        WHERE r.campaign_id = NEW.campaign_id AND (r.waiting OR r.due_at IS NOT NULL) FOR NO KEY UPDATE;
        DELETE FROM msgstatus.campaign_day AS d WHERE d.campaign_id = NEW.campaign_id;
    END IF;
    IF NEW.status IN ('active', 'paused') THEN
        IF NEW.daily_send_limit IS NOT NULL THEN
            PERFORM msgstatus.begin_days(NEW.campaign_id,
                msgstatus.campaign_days(NEW.campaign_id, clock_timestamp(), clock_timestamp()));
        END IF;
        PERFORM msgstatus.spread_recipients(NEW.campaign_id, true);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.campaign_limit_changed() IS
    'Trigger on campaign: spreads waiting recipients over days by the new limit, so that they move up or back';

CREATE FUNCTION msgstatus.activate_campaign(campaign uuid, starting date DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result jsonb;
BEGIN
    PERFORM msgstatus.lock_campaign(campaign, '{draft,completed}');
    UPDATE msgstatus.campaign AS c SET first_send_date = starting
    WHERE c.campaign_id = campaign AND c.first_send_date IS DISTINCT FROM starting;
    PERFORM msgstatus.spread_recipients(campaign, false);
    UPDATE msgstatus.campaign AS c
    SET status = 'active', activated_at = now(), completed_at = NULL, updated_at = now()
    WHERE c.campaign_id = campaign;
    SELECT jsonb_build_object('waiting', count(*), 'first_send_date', min(r.scheduled_send_date),
        'last_send_date', max(r.scheduled_send_date))
    INTO result
    FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign AND r.waiting;
    RETURN result;
END
$$;
COMMENT ON FUNCTION msgstatus.activate_campaign(uuid, date) IS
    'Activates a draft, or a completed campaign again: spreads the recipients without a date over days by the daily limit, from today or a later date on; returns how many wait and their first and last date; P0002 for an unknown campaign, 55000 for one in another status';

CREATE FUNCTION msgstatus.pause_campaign(campaign uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF msgstatus.lock_campaign(campaign, '{active,paused}') = 'active' THEN
        UPDATE msgstatus.campaign AS c SET status = 'paused', paused_at = now(), updated_at = now()
        WHERE c.campaign_id = campaign;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.pause_campaign(uuid) IS
    'Pauses an active campaign: no more recipients are handed out, while senders may send to those they hold; P0002 for an unknown campaign, 55000 for one in another status';

CREATE FUNCTION msgstatus.resume_campaign(campaign uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF msgstatus.lock_campaign(campaign, '{paused,active}') = 'paused' THEN
        UPDATE msgstatus.campaign AS c SET status = 'active', activated_at = now(), updated_at = now()
        WHERE c.campaign_id = campaign;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.resume_campaign(uuid) IS
    'Resumes a paused campaign; P0002 for an unknown campaign, 55000 for one in another status';

CREATE FUNCTION msgstatus.cancel_campaign(campaign uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF msgstatus.lock_campaign(campaign, '{draft,active,paused,canceled}') <> 'canceled' THEN
        UPDATE msgstatus.campaign AS c SET status = 'canceled', canceled_at = now(), updated_at = now()
        WHERE c.campaign_id = campaign;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.cancel_campaign(uuid) IS
    'Ends a campaign for good: recipients not sent to count as skipped; P0002 for an unknown campaign, 55000 for a completed one';

CREATE FUNCTION msgstatus.copy_campaign(campaign uuid, name text, with_recipients boolean DEFAULT false) RETURNS uuid
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made uuid;
BEGIN
    PERFORM msgstatus.check_installation();
    IF COALESCE($2, '') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'name of a campaign must not be empty';
    END IF;
    INSERT INTO msgstatus.campaign (name, owner, provider, template_name, language_code, daily_send_limit, time_zone, max_retries,
        retry_delay, max_retry_delay, retry_window, send_from, send_until, sends_per_second, sender)
    SELECT $2, c.owner, c.provider, c.template_name, c.language_code, c.daily_send_limit, c.time_zone, c.max_retries,
        c.retry_delay, c.max_retry_delay, c.retry_window, c.send_from, c.send_until, c.sends_per_second, c.sender
    FROM msgstatus.campaign AS c WHERE c.campaign_id = $1
    RETURNING campaign_id INTO made;
    IF made IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('campaign %s does not exist', COALESCE($1::text, 'NULL'));
    END IF;
    IF $3 THEN
        INSERT INTO msgstatus.campaign_recipient (campaign_id, phone_number, template_parameters, external_id, max_retries)
        SELECT made, r.phone_number, r.template_parameters, r.external_id, c.max_retries
        FROM msgstatus.campaign_recipient AS r
        JOIN msgstatus.campaign AS c ON c.campaign_id = r.campaign_id
        WHERE r.campaign_id = $1
        ORDER BY r.recipient_number;
    END IF;
    RETURN made;
END
$$;
COMMENT ON FUNCTION msgstatus.copy_campaign(uuid, text, boolean) IS
    'Creates a draft with the settings of a campaign, except its start, and with its recipients if asked for; returns its id; P0002 for an unknown campaign, 23505 if the owner has a campaign of that name, 22023 for an empty name';

CREATE FUNCTION msgstatus.reschedule_campaign(campaign uuid, starting date DEFAULT NULL) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result jsonb;
BEGIN
    PERFORM msgstatus.lock_campaign(campaign, '{active,paused}');
    UPDATE msgstatus.campaign AS c SET first_send_date = starting
    WHERE c.campaign_id = campaign AND c.first_send_date IS DISTINCT FROM starting;
    PERFORM msgstatus.spread_recipients(campaign, true);
    SELECT jsonb_build_object('waiting', count(*), 'first_send_date', min(r.scheduled_send_date),
        'last_send_date', max(r.scheduled_send_date))
    INTO result
    FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign AND r.waiting;
    RETURN result;
END
$$;
COMMENT ON FUNCTION msgstatus.reschedule_campaign(uuid, date) IS
    'Spreads the waiting recipients of an active or paused campaign again, from today or a later date on, except those whose date was set by hand; returns what activate_campaign returns; P0002 for an unknown campaign, 55000 for one in another status';
