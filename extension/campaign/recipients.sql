-- The recipients of a campaign: adds them, or skips one.

CREATE FUNCTION msgstatus.phone_number_problem(written text, address text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT CASE
            WHEN COALESCE($2, '') OPERATOR(pg_catalog.=) '' THEN 'there is none'
            WHEN $2 OPERATOR(pg_catalog.!~) '^\+[0-9]+$' THEN 'not a phone number'
            -- The (0) is dialled from abroad in Italy, but not in Germany.
            WHEN $1 OPERATOR(pg_catalog.~~) '%(0)%' THEN 'with a (0), which may or may not belong to it'
            WHEN $2 OPERATOR(pg_catalog.~) '^\+00' THEN 'begins with 00 in place of +'
            WHEN $2 OPERATOR(pg_catalog.~) '^\+0' THEN 'without its country code'
            WHEN pg_catalog.length($2) OPERATOR(pg_catalog.<) 8 THEN 'fewer than 7 digits'
            WHEN pg_catalog.length($2) OPERATOR(pg_catalog.>) 16 THEN 'more than 15 digits'
        END;
    END;
COMMENT ON FUNCTION msgstatus.phone_number_problem(text, text) IS
    'The reason why an address, as written and normalized, cannot be the phone number of a recipient; NULL if it can';

CREATE FUNCTION msgstatus.add_recipients(
    campaign uuid, phone_numbers text[], template_parameters jsonb[] DEFAULT NULL, external_ids text[] DEFAULT NULL
) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    -- Forces lookups by index, and dates in an array. The statistics know nothing yet of a campaign that is being filled, and a
    -- join planned for an empty campaign would compare all recipients with each other.
    SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    state text;
    fresh bigint;
    first_day date;
    result jsonb;
BEGIN
    -- The lock serializes calls that add to one campaign, and keeps the campaign from being completed meanwhile.
    state := msgstatus.lock_campaign($1, '{draft,active,paused,completed}');
    IF cardinality($2) <> cardinality($3) OR cardinality($2) <> cardinality($4) THEN
        RAISE array_subscript_error
            USING MESSAGE = 'phone_numbers, template_parameters and external_ids must have the same length';
    END IF;
    IF state <> 'draft' THEN
        first_day := msgstatus.first_day($1);
    END IF;

    WITH given AS (
        SELECT g.n, g.phone_number AS written, msgstatus.normalize_address(g.phone_number) AS phone_number, g.parameters,
            g.external_id
        FROM unnest($2, $3, $4) WITH ORDINALITY AS g (phone_number, parameters, external_id, n)
    ), judged AS (
        SELECT g.n, g.written, g.phone_number, g.parameters, g.external_id,
            msgstatus.phone_number_problem(g.written, g.phone_number) AS problem
        FROM given AS g
    ), distinct_numbers AS (
        SELECT DISTINCT ON (j.phone_number) j.n, j.phone_number, j.parameters, j.external_id
        FROM judged AS j
        -- Not by NOT EXISTS, which PostgreSQL would plan as a join.
        WHERE j.problem IS NULL AND (
            SELECT r.recipient_id FROM msgstatus.campaign_recipient AS r
            WHERE r.campaign_id = $1 AND r.phone_number = j.phone_number) IS NULL
        ORDER BY j.phone_number, j.n
    ), fresh AS (
        SELECT d.phone_number, d.parameters, d.external_id, row_number() OVER (ORDER BY d.n) AS place FROM distinct_numbers AS d
    ), dates AS (
        SELECT array_agg(s.send_date ORDER BY s.place) AS by_place
        FROM msgstatus.free_send_dates($1, (SELECT count(*) FROM fresh AS f), first_day) AS s
        WHERE first_day IS NOT NULL
    ), added AS (
        INSERT INTO msgstatus.campaign_recipient (campaign_id, phone_number, template_parameters, external_id,
            scheduled_send_date, planned_send_date, max_retries)
        SELECT $1, f.phone_number, f.parameters, f.external_id, (SELECT s.by_place FROM dates AS s)[f.place],
            (SELECT s.by_place FROM dates AS s)[f.place], c.max_retries
        FROM msgstatus.campaign AS c
        CROSS JOIN fresh AS f
        WHERE c.campaign_id = $1
        ORDER BY f.place
        RETURNING 1
    ), known AS MATERIALIZED (
        SELECT DISTINCT ON (j.phone_number) j.parameters, j.external_id, (
            SELECT r.recipient_id FROM msgstatus.campaign_recipient AS r
            WHERE r.campaign_id = $1 AND r.phone_number = j.phone_number) AS recipient_id
        FROM judged AS j
        WHERE j.problem IS NULL
        ORDER BY j.phone_number, j.n
    ), updated AS (
        -- Not while a sender holds the recipient: it may send what it was given.
        UPDATE msgstatus.campaign_recipient AS r
        SET template_parameters = COALESCE(k.parameters, r.template_parameters),
            external_id = COALESCE(k.external_id, r.external_id), updated_at = now()
        FROM known AS k
        WHERE r.recipient_id = k.recipient_id
            AND (COALESCE(k.parameters, r.template_parameters), COALESCE(k.external_id, r.external_id))
                IS DISTINCT FROM (r.template_parameters, r.external_id)
            AND (r.waiting OR r.claimed_at IS NULL AND num_nulls(r.due_at) = 0)
        RETURNING 1
    )
    SELECT jsonb_build_object(
        'added', (SELECT count(*) FROM added),
        'duplicates', count(*) FILTER (WHERE j.problem IS NULL) - (SELECT count(*) FROM added),
        'updated', (SELECT count(*) FROM updated),
        'refused', COALESCE(jsonb_agg(jsonb_build_object('phone_number', j.written, 'reason', j.problem) ORDER BY j.n)
            FILTER (WHERE j.problem IS NOT NULL), '[]'))
    INTO result
    FROM judged AS j;
    -- A campaign that completed itself goes on: nobody would activate it again for recipients who came a moment too late.
    IF state = 'completed' AND (result ->> 'added')::bigint > 0 THEN
        state := 'active';
        UPDATE msgstatus.campaign AS c
        SET status = 'active', activated_at = now(), completed_at = NULL, updated_at = now()
        WHERE c.campaign_id = $1;
    END IF;
    RETURN result || jsonb_build_object('status', state);
END
$$;
COMMENT ON FUNCTION msgstatus.add_recipients(uuid, text[], jsonb[], text[]) IS
    'Adds recipients, each with its parameters and your own id, to a campaign that is not canceled, and activates a completed one again; returns how many were added, how many were duplicates, how many of these got other parameters or ids because they were not sent to yet, which were refused and why, and the status of the campaign; P0002 for an unknown campaign, 55000 for a canceled one, 2202E for arrays of different lengths';

CREATE FUNCTION msgstatus.check_claim(recipient uuid, claim integer, claims integer) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF claim NOT BETWEEN 1 AND claims THEN
        RAISE invalid_parameter_value USING MESSAGE = format('recipient %s has no claim %s', recipient, claim),
            HINT = format('It was handed out %s times.', claims);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.check_claim(uuid, integer, integer) IS
    'Raises 22023 for the number of a claim that a recipient, claimed so many times, cannot have had';

CREATE FUNCTION msgstatus.skip_recipient(recipient uuid, reason text DEFAULT NULL, claim integer DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r record;
BEGIN
    PERFORM msgstatus.check_installation();
    SELECT l.campaign_id, l.claimed_at, l.due_at, l.skipped_at, l.claims INTO r
    FROM msgstatus.campaign_recipient AS l WHERE l.recipient_id = recipient FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('recipient %s does not exist', COALESCE(recipient::text, 'NULL'));
    END IF;
    PERFORM msgstatus.check_claim(recipient, claim, r.claims);
    IF r.skipped_at IS NOT NULL OR claim < r.claims THEN
        RETURN;
    END IF;
    UPDATE msgstatus.campaign_recipient AS u
    SET waiting = false, skipped_at = now(), skip_reason = reason, claimed_at = NULL, due_at = NULL, check_at = NULL,
        updated_at = now()
    WHERE u.recipient_id = recipient;
    IF r.claimed_at IS NOT NULL THEN
        PERFORM msgstatus.count_sends(r.campaign_id, msgstatus.campaign_days(r.campaign_id, r.claimed_at, r.due_at), -1);
        PERFORM msgstatus.count_sender_sends(c.sender, msgstatus.sender_days(c.sender, r.claimed_at, r.due_at), -1)
        FROM msgstatus.campaign AS c WHERE c.campaign_id = r.campaign_id;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.skip_recipient(uuid, text, integer) IS
    'Skips a recipient, before or after a send; if a sender holds it, the claim no longer counts for the daily limit; no effect for a claim after which the recipient was claimed again; P0002 for an unknown recipient, 22023 for an unknown claim';
