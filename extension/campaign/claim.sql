-- claim_recipients(): hands out recipients to any number of concurrent senders; with retries, and the completion of campaigns.

CREATE FUNCTION msgstatus.retry_pause(retry_count integer, retry_delay interval, max_retry_delay interval) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE -- not STRICT, so that it is inlined
    BEGIN ATOMIC
        -- The exponent is limited so that the interval cannot overflow; max_retry_delay limits the result long before.
        SELECT LEAST($2 OPERATOR(pg_catalog.*) pg_catalog.power(2, LEAST($1, 20)), $3);
    END;
COMMENT ON FUNCTION msgstatus.retry_pause(integer, interval, interval) IS
    'The time from a failure to the next attempt, after this many retries: the delay, doubled for each retry, up to the longest';

CREATE FUNCTION msgstatus.delivered_earlier(recipient uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    delivered boolean;
BEGIN
    SELECT bool_or((SELECT m.status OPERATOR(msgstatus.?) 'delivered' FROM msgstatus.message AS m WHERE m.message_id = a.message_id))
    INTO delivered
    FROM msgstatus.campaign_attempt AS a WHERE a.recipient_id = recipient;
    RETURN COALESCE(delivered, false);
END
$$;
COMMENT ON FUNCTION msgstatus.delivered_earlier(uuid) IS
    'Whether a message of an earlier attempt at this recipient was delivered';

CREATE FUNCTION msgstatus.check_messages(campaign uuid, at timestamptz, until timestamptz, max_count integer) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH looked_at AS MATERIALIZED (
        SELECT r.recipient_id, r.message_id, r.check_at <= at AS is_due, o.outcome,
            LEAST(msgstatus.reached_at(m.status, 'failed'), msgstatus.reached_at(m.status, 'undelivered'), at)
                + msgstatus.retry_pause(r.retry_count, c.retry_delay, c.max_retry_delay) AS retry_at,
            LEAST(at + GREATEST(c.retry_delay, at - r.sent_at), r.sent_at + c.retry_window) AS look_again_at
        FROM (
            SELECT l.recipient_id, l.message_id, l.check_at, l.retry_count, l.max_retries, l.sent_at
            FROM msgstatus.campaign_recipient AS l
            WHERE l.campaign_id = campaign AND l.check_at <= until
            ORDER BY l.check_at
            LIMIT max_count
        ) AS r
        JOIN msgstatus.campaign AS c ON c.campaign_id = campaign
        -- OFFSET 0 makes the planner look up each message by its key.
        LEFT JOIN LATERAL (
            SELECT k.status, k.error_code, k.provider FROM msgstatus.message AS k WHERE k.message_id = r.message_id OFFSET 0
        ) AS m ON true
        LEFT JOIN msgstatus.error_code_catalog AS e
            ON e.code = m.error_code AND e.provider = CASE
                WHEN m.error_code >= 130000 AND NOT EXISTS (SELECT FROM msgstatus.error_code_catalog AS o
                    WHERE o.provider = COALESCE(m.provider, c.provider) AND o.code = m.error_code)
                THEN 'meta' ELSE msgstatus.code_provider(COALESCE(m.provider, c.provider)) END
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN m.status OPERATOR(msgstatus.?) 'delivered' THEN 'settled'
                WHEN r.retry_count > 0 AND msgstatus.delivered_earlier(r.recipient_id) THEN 'settled'
                WHEN msgstatus.is_failure(msgstatus.state(m.status)) THEN
                    CASE WHEN e.retryable AND r.retry_count < r.max_retries THEN 'retry' ELSE 'settled' END
                WHEN msgstatus.is_final(msgstatus.state(m.status)) OR at >= r.sent_at + c.retry_window THEN 'settled'
                ELSE 'open'
            END AS outcome
        ) AS o
    ), locked AS (
        SELECT r.recipient_id, l.outcome, l.retry_at, l.look_again_at
        FROM looked_at AS l
        -- Each row is looked up by its key. The condition IS NOT NULL would let the planner use the partial index, which it
        -- would read whole for each row if the statistics date from a time when the index was empty.
        CROSS JOIN LATERAL (
            SELECT k.recipient_id FROM msgstatus.campaign_recipient AS k
            WHERE k.recipient_id = l.recipient_id AND k.message_id = l.message_id AND num_nulls(k.check_at) = 0
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS r
        WHERE l.is_due OR l.outcome <> 'open'
    )
    UPDATE msgstatus.campaign_recipient AS r
    SET due_at = CASE WHEN l.outcome = 'retry' THEN l.retry_at END,
        check_at = CASE WHEN l.outcome = 'open' THEN l.look_again_at END,
        updated_at = now()
    FROM locked AS l
    WHERE r.recipient_id = l.recipient_id;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION msgstatus.check_messages(uuid, timestamptz, timestamptz, integer) IS
    'Checks sent messages: failed ones that may be retried become due, ones in transit are checked again later, others no more; returns whether it changed any, and so locks them';

CREATE FUNCTION msgstatus.complete_campaign(campaign uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The lock comes first: add_recipients takes the same lock, and the next statement sees the recipients that it added.
    PERFORM FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign AND c.status = 'active' FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE msgstatus.campaign AS c SET status = 'completed', completed_at = now(), updated_at = now()
    WHERE c.campaign_id = campaign
        AND EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign)
        AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign AND r.waiting)
        AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign AND r.due_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = campaign AND r.check_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION msgstatus.complete_campaign(uuid) IS 'Completes an active campaign that has nothing left to send or to retry';

CREATE FUNCTION msgstatus.keep_attempts(recipients uuid[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO msgstatus.campaign_attempt
        (campaign_id, recipient_id, attempt, message_id, sent_at, failed_at, failure_code, failure_reason, claim)
    SELECT r.campaign_id, r.recipient_id, r.retry_count + 1, r.message_id, r.sent_at, r.failed_at, r.failure_code, r.failure_reason,
        r.attempt_claim
    FROM msgstatus.campaign_recipient AS r
    WHERE r.recipient_id = ANY (recipients) AND (r.message_id IS NOT NULL OR r.failed_at IS NOT NULL);
    UPDATE msgstatus.campaign_recipient AS r
    SET retry_count = r.retry_count + 1, message_id = NULL, sent_at = NULL, failed_at = NULL, failure_code = NULL,
        failure_reason = NULL, attempt_claim = NULL
    WHERE r.recipient_id = ANY (recipients) AND (r.message_id IS NOT NULL OR r.failed_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION msgstatus.keep_attempts(uuid[]) IS
    'Moves the current attempts at these recipients, if any, to the earlier ones';

CREATE FUNCTION msgstatus.claim_from_campaign(campaign uuid, max_count integer, at timestamptz, leased_until timestamptz)
RETURNS uuid[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (SELECT (at AT TIME ZONE c.time_zone)::date FROM msgstatus.campaign AS c WHERE c.campaign_id = campaign);
    again uuid[];
    candidates uuid[];
    claimed uuid[] := '{}';
    missing integer := max_count;
BEGIN
    WHILE missing > 0 LOOP
        again := ARRAY(
            SELECT r.recipient_id FROM msgstatus.campaign_recipient AS r
            WHERE r.campaign_id = campaign AND r.due_at <= at
            ORDER BY r.due_at LIMIT missing FOR NO KEY UPDATE SKIP LOCKED);
        candidates := again || ARRAY(
            SELECT r.recipient_id FROM msgstatus.campaign_recipient AS r
            WHERE r.campaign_id = campaign AND r.waiting AND r.scheduled_send_date <= today
            ORDER BY r.scheduled_send_date, r.recipient_number LIMIT missing - cardinality(again) FOR NO KEY UPDATE SKIP LOCKED);
        EXIT WHEN candidates = '{}';

        UPDATE msgstatus.campaign_recipient AS r
        SET waiting = false, claimed_at = NULL, due_at = NULL, skipped_at = at, skip_reason = 'opted out', updated_at = now()
        WHERE r.recipient_id = ANY (candidates)
            AND EXISTS (SELECT FROM msgstatus.opt_out AS o WHERE o.phone_number = r.phone_number);
        IF again <> '{}' THEN
            -- Delivered after all, so too late for a retry. Not by EXISTS, for which PostgreSQL 18 would read all messages.
            UPDATE msgstatus.campaign_recipient AS r SET claimed_at = NULL, due_at = NULL, updated_at = now()
            WHERE r.recipient_id = ANY (again) AND (
                (SELECT m.status OPERATOR(msgstatus.?) 'delivered' FROM msgstatus.message AS m WHERE m.message_id = r.message_id)
                OR r.retry_count > 0 AND msgstatus.delivered_earlier(r.recipient_id));
            PERFORM msgstatus.keep_attempts(ARRAY(
                SELECT r.recipient_id FROM msgstatus.campaign_recipient AS r
                WHERE r.recipient_id = ANY (again) AND num_nulls(r.due_at) = 0)); -- by key, as above
        END IF;
        WITH changed AS (
            UPDATE msgstatus.campaign_recipient AS r
            SET waiting = false, claimed_at = at, due_at = leased_until, claims = r.claims + 1,
                updated_at = now()
            WHERE r.recipient_id = ANY (candidates) AND (r.waiting OR r.due_at IS NOT NULL)
            RETURNING r.recipient_id
        )
        SELECT claimed || array_agg(c.recipient_id) INTO claimed FROM changed AS c;
        missing := max_count - cardinality(claimed);
    END LOOP;
    RETURN claimed;
END
$$;
COMMENT ON FUNCTION msgstatus.claim_from_campaign(uuid, integer, timestamptz, timestamptz) IS
    'Claims due recipients of one campaign, retries and expired leases first; skips recipients who opted out';

CREATE FUNCTION msgstatus.claim_recipients(
    max_count integer DEFAULT 100, campaign uuid DEFAULT NULL, lease interval DEFAULT '5 minutes'
) RETURNS TABLE (
    recipient_id uuid,
    campaign_id uuid,
    phone_number text,
    template_name text,
    language_code text,
    template_parameters jsonb,
    retry_count integer,
    leased_until timestamptz,
    claim integer,
    external_id text,
    sender text
)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    -- Forces index scans, because campaigns are filled and claimed from before their tables are analyzed. JIT is off, because
    -- the planner adds the penalty of a disabled method to the cost, and would compile the rest.
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    active record;
    days date[];
    sender_days date[];
    allowed integer;
    left_over integer;
    claimed uuid[];
    missing integer := $1;
    waits boolean := true;
    closes timestamptz;
    until timestamptz;
BEGIN
    PERFORM msgstatus.check_installation();
    IF $1 IS NULL OR $1 NOT BETWEEN 1 AND 10000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_count must be between 1 and 10000';
    END IF;
    IF $3 IS NULL OR $3 NOT BETWEEN '1 second' AND '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'lease must be between 1 second and 1 day';
    END IF;
    -- In random order, so that no campaign waits until another one is finished.
    FOR active IN
        SELECT c.campaign_id, c.daily_send_limit, c.sends_per_second, c.sender, c.template_name, c.language_code, (at AT TIME ZONE c.time_zone)::date AS today
        FROM msgstatus.campaign AS c
        WHERE c.status = 'active' AND ($2 IS NULL OR c.campaign_id = $2)
        ORDER BY random()
    LOOP
        EXIT WHEN missing = 0;
        -- Whoever sends before the lease expires sends within the sending hours.
        closes := msgstatus.sending_ends(active.campaign_id, at);
        until := LEAST(at + $3, closes);
        days := msgstatus.campaign_days(active.campaign_id, at, until);
        sender_days := msgstatus.sender_days(active.sender, at, until);
        allowed := missing;
        -- Days come before recipients, and a claim that holds anything waits for nobody: a sender that reports several sends in a
        -- transaction holds days while it waits for recipients. Without a limit, claims are not counted.
        IF closes IS NOT NULL AND num_nonnulls(active.daily_send_limit, sender_days, active.sends_per_second) > 0 AND (
            EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = active.campaign_id AND r.due_at <= at)
            OR EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = active.campaign_id AND r.check_at <= at)
            OR EXISTS (SELECT FROM msgstatus.campaign_recipient AS r
                WHERE r.campaign_id = active.campaign_id AND r.waiting AND r.scheduled_send_date <= active.today)) THEN
            IF active.daily_send_limit IS NOT NULL THEN
                left_over := msgstatus.sends_left(active.campaign_id, days, waits);
                CONTINUE WHEN left_over IS NULL;
                allowed := LEAST(allowed, left_over);
            END IF;
            IF sender_days IS NOT NULL THEN
                left_over := msgstatus.sender_sends_left(active.sender, sender_days, waits);
                IF left_over IS NULL THEN
                    waits := false; -- it may hold the day of the campaign
                    CONTINUE;
                END IF;
                allowed := LEAST(allowed, left_over);
            END IF;
            IF active.sends_per_second IS NOT NULL THEN
                left_over := msgstatus.paced_sends(active.campaign_id, at, waits);
                waits := false;
                CONTINUE WHEN left_over IS NULL;
                allowed := LEAST(allowed, left_over);
            END IF;
            waits := false;
        END IF;
        waits := NOT msgstatus.check_messages(active.campaign_id, at, at, 100 + 2 * $1) AND waits;
        IF closes IS NOT NULL AND (
            EXISTS (SELECT FROM msgstatus.campaign_recipient AS r WHERE r.campaign_id = active.campaign_id AND r.due_at <= at)
            OR EXISTS (SELECT FROM msgstatus.campaign_recipient AS r
                WHERE r.campaign_id = active.campaign_id AND r.waiting AND r.scheduled_send_date <= active.today)) THEN
            claimed := msgstatus.claim_from_campaign(active.campaign_id, allowed, at, until);
            waits := false;
            IF claimed <> '{}' THEN
                missing := missing - cardinality(claimed);
                PERFORM msgstatus.count_sends(active.campaign_id, days, cardinality(claimed));
                PERFORM msgstatus.count_sender_sends(active.sender, sender_days, cardinality(claimed));
                IF active.sends_per_second IS NOT NULL THEN
                    UPDATE msgstatus.campaign_pace AS p SET sends = p.sends - cardinality(claimed)
                    WHERE p.campaign_id = active.campaign_id;
                END IF;
                RETURN QUERY
                SELECT r.recipient_id, r.campaign_id, r.phone_number, active.template_name, active.language_code,
                    r.template_parameters, r.retry_count, r.due_at, r.claims,
                    r.external_id, active.sender
                FROM msgstatus.campaign_recipient AS r WHERE r.recipient_id = ANY (claimed);
                CONTINUE;
            END IF;
        END IF;
        -- Nothing to send: check messages before their time, and whether the campaign is complete.
        waits := NOT msgstatus.check_messages(active.campaign_id, at, 'infinity', 100 + 2 * $1) AND waits;
        PERFORM msgstatus.complete_campaign(active.campaign_id);
    END LOOP;
    IF $2 IS NOT NULL AND NOT EXISTS (SELECT FROM msgstatus.campaign AS c WHERE c.campaign_id = $2) THEN
        RAISE no_data_found USING MESSAGE = format('campaign %s does not exist', $2);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.claim_recipients(integer, uuid, interval) IS
    'Hands out due recipients of active campaigns, or of one, at most max_count (1 to 10000), within sending hours and limits, each to one caller until its lease (1 second to 1 day) expires; the caller reports each by record_send, record_send_failure or skip_recipient, which take the number of the claim; P0002 for an unknown campaign, 22023 for a value out of range';

CREATE FUNCTION msgstatus.preview_claims(campaign uuid, max_count integer DEFAULT 100) RETURNS TABLE (
    recipient_id uuid,
    phone_number text,
    template_name text,
    language_code text,
    template_parameters jsonb,
    retry_count integer,
    external_id text,
    sender text,
    due timestamptz
)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM msgstatus.check_installation();
    IF $2 IS NULL OR $2 NOT BETWEEN 1 AND 10000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_count must be between 1 and 10000';
    END IF;
    IF NOT EXISTS (SELECT FROM msgstatus.campaign AS c WHERE c.campaign_id = $1) THEN
        RAISE no_data_found USING MESSAGE = format('campaign %s does not exist', COALESCE($1::text, 'NULL'));
    END IF;
    RETURN QUERY
    SELECT r.recipient_id, r.phone_number, c.template_name, c.language_code, r.template_parameters,
        r.retry_count + (r.message_id IS NOT NULL OR r.failed_at IS NOT NULL)::integer, r.external_id, c.sender, d.due
    FROM msgstatus.campaign AS c
    JOIN msgstatus.campaign_recipient AS r ON r.campaign_id = c.campaign_id AND (r.waiting OR r.due_at IS NOT NULL)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN r.waiting THEN GREATEST(c.starts_at, (COALESCE(r.scheduled_send_date, msgstatus.first_day(c.campaign_id))
            + CASE WHEN c.send_from < c.send_until THEN c.send_from ELSE '00:00' END) AT TIME ZONE c.time_zone) ELSE r.due_at END
        OFFSET 0
    ) AS d (due)
    WHERE c.campaign_id = $1 AND c.status NOT IN ('completed', 'canceled')
        AND NOT EXISTS (SELECT FROM msgstatus.opt_out AS o WHERE o.phone_number = r.phone_number)
    ORDER BY r.waiting, d.due, r.recipient_number
    LIMIT $2;
END
$$;
COMMENT ON FUNCTION msgstatus.preview_claims(uuid, integer) IS
    'The recipients of a campaign that claims will hand out next, of a draft too, in their order and with the time from which each is due, without those who opted out; changes and locks nothing; P0002 for an unknown campaign, 22023 for max_count out of 1 to 10000';
