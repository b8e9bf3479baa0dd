-- The reports of senders. A report is accepted even after the lease expired, because the message was sent.

CREATE FUNCTION msgstatus.record_send(recipient uuid, message_id text, claim integer DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    r record;
    sent_to uuid;
    kept_as text; -- the id of the message
    reported boolean;
BEGIN
    PERFORM msgstatus.check_installation();
    SELECT l.campaign_id, l.phone_number, l.message_id, l.failed_at, l.claimed_at, l.due_at, l.skipped_at, l.claims, l.attempt_claim,
        c.provider, c.template_name, c.sender,
        (l.claimed_at AT TIME ZONE c.time_zone)::date = (l.due_at AT TIME ZONE c.time_zone)::date
            AND c.sender IS NULL AS within_a_day
    INTO r
    FROM msgstatus.campaign_recipient AS l
    JOIN msgstatus.campaign AS c ON c.campaign_id = l.campaign_id
    WHERE l.recipient_id = $1 FOR NO KEY UPDATE OF l;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('recipient %s does not exist', COALESCE($1::text, 'NULL'));
    END IF;
    PERFORM msgstatus.check_claim($1, $3, r.claims);
    kept_as := COALESCE((SELECT a.message_id FROM msgstatus.message_alias AS a WHERE a.alias = $2), $2);
    -- Where both ids of a message were recorded as sends, each stays with its recipient.
    -- Each id by itself: the partial index serves no list.
    SELECT s.recipient_id INTO sent_to
    FROM unnest(ARRAY[$2, kept_as]) WITH ORDINALITY AS i (id, place)
    CROSS JOIN LATERAL (
        SELECT o.recipient_id FROM msgstatus.campaign_recipient AS o WHERE o.message_id = i.id
        UNION ALL
        SELECT a.recipient_id FROM msgstatus.campaign_attempt AS a WHERE a.message_id = i.id
    ) AS s
    ORDER BY i.place LIMIT 1;
    IF sent_to = $1 THEN
        RETURN; -- reported before
    ELSIF sent_to IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = 'the message was sent to another recipient';
    END IF;
    reported := $3 IS NOT NULL AND (r.attempt_claim IS NOT DISTINCT FROM $3
        OR EXISTS (SELECT FROM msgstatus.campaign_attempt AS a WHERE a.recipient_id = $1 AND a.claim = $3));
    PERFORM msgstatus.register_message($2, provider => r.provider, direction => 'outbound', recipient => r.phone_number, sender => r.sender,
        message_type => CASE WHEN r.template_name IS NOT NULL THEN 'template' END, campaign_id => r.campaign_id);
    -- Whoever learns of another id of the message from now on waits for this, and then moves the recipient, too.
    kept_as := COALESCE((SELECT a.message_id FROM msgstatus.message_alias AS a WHERE a.alias = $2), $2);
    IF r.message_id IS NOT NULL OR r.failed_at IS NOT NULL THEN
        PERFORM msgstatus.keep_attempts(ARRAY[$1]);
    END IF;
    UPDATE msgstatus.campaign_recipient AS u
    SET waiting = false, claimed_at = NULL, due_at = NULL, message_id = kept_as, sent_at = at, attempt_claim = $3,
        updated_at = now(),
        check_at = CASE WHEN u.retry_count < u.max_retries AND u.skipped_at IS NULL THEN
            at + LEAST(msgstatus.retry_pause(u.retry_count, c.retry_delay, c.max_retry_delay), c.retry_window) END
    FROM msgstatus.campaign AS c
    WHERE u.recipient_id = $1 AND c.campaign_id = u.campaign_id;
    IF reported THEN
        PERFORM msgstatus.count_attempt(r.campaign_id, NULL, NULL); -- another message of the same claim
    ELSIF $3 < r.claims THEN
        NULL; -- counted when it was claimed; what is claimed now is another claim's
    ELSIF r.within_a_day IS NOT TRUE AND ($3 IS NULL OR num_nonnulls(r.claimed_at, r.skipped_at) > 0) THEN
        PERFORM msgstatus.count_attempt(r.campaign_id, r.claimed_at, r.due_at);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.record_send(uuid, text, integer) IS
    'Records that the provider accepted a message for a recipient, and registers the message, whose statuses may have come before; can be repeated; with the number of the claim, a late report is counted once; P0002 for an unknown recipient, 22023 for an unknown claim and for an id that is empty or longer than 512 bytes, 23505 for a message of another recipient';

CREATE FUNCTION msgstatus.record_send_failure(
    recipient uuid, reason text, code integer DEFAULT NULL, retryable boolean DEFAULT NULL, claim integer DEFAULT NULL
) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    r record;
BEGIN
    PERFORM msgstatus.check_installation();
    SELECT l.campaign_id, l.message_id, l.claimed_at, l.due_at, l.failed_at, l.failure_code, l.failure_reason, l.skipped_at, l.claims,
        l.attempt_claim, c.provider
    INTO r
    FROM msgstatus.campaign_recipient AS l
    JOIN msgstatus.campaign AS c ON c.campaign_id = l.campaign_id
    WHERE l.recipient_id = $1 FOR NO KEY UPDATE OF l;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('recipient %s does not exist', COALESCE($1::text, 'NULL'));
    END IF;
    PERFORM msgstatus.check_claim($1, $5, r.claims);
    IF $5 < r.claims THEN
        RETURN; -- another sender has the recipient since
    END IF;
    -- Nobody holds the recipient, so this claim was reported, or a late report recorded a message.
    IF $5 IS NOT NULL AND num_nulls(r.claimed_at, r.skipped_at) = 2 AND NOT (r.message_id IS NOT NULL AND r.attempt_claim IS NOT DISTINCT FROM $5) THEN
        RETURN;
    END IF;
    IF r.message_id IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING MESSAGE = 'a message was sent to the recipient already',
            HINT = 'The statuses of the message show whether it failed.';
    END IF;
    IF r.claimed_at IS NULL AND r.failed_at IS NOT NULL
        AND (r.failure_code, r.failure_reason) IS NOT DISTINCT FROM ($3, $2) THEN
        RETURN; -- reported before
    END IF;
    IF r.failed_at IS NOT NULL THEN
        PERFORM msgstatus.keep_attempts(ARRAY[$1]);
    END IF;
    UPDATE msgstatus.campaign_recipient AS u
    SET waiting = false, claimed_at = NULL, failed_at = at, failure_code = $3, failure_reason = $2, attempt_claim = $5,
        updated_at = now(),
        due_at = CASE
            WHEN u.retry_count < u.max_retries AND u.skipped_at IS NULL AND COALESCE($4, EXISTS (
                SELECT FROM msgstatus.error_code_catalog AS e
                WHERE e.code = $3 AND e.retryable AND (r.provider IS NULL
                    OR e.provider = CASE
                        WHEN $3 >= 130000 AND NOT EXISTS (SELECT FROM msgstatus.error_code_catalog AS o
                            WHERE o.provider = r.provider AND o.code = $3)
                        THEN 'meta' ELSE msgstatus.code_provider(r.provider) END)))
            THEN at + msgstatus.retry_pause(u.retry_count, c.retry_delay, c.max_retry_delay) END
    FROM msgstatus.campaign AS c
    WHERE u.recipient_id = $1 AND c.campaign_id = u.campaign_id;
    PERFORM msgstatus.count_attempt(r.campaign_id, r.claimed_at, r.due_at);
END
$$;
COMMENT ON FUNCTION msgstatus.record_send_failure(uuid, text, integer, boolean, integer) IS
    'Records that the provider did not accept the message for a recipient, and why; schedules a retry if error_code_catalog or the caller says that the code is retryable; can be repeated; with the number of the claim, a repeated or late report has no effect; P0002 for an unknown recipient, 22023 for an unknown claim, 55000 if the message was sent';
