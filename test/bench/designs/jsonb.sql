-- The common design: the statuses of a message in a jsonb column, the webhook taken apart by a set-based SQL statement.
-- Written to be as fast as plain SQL gets; README.md lists the attempts.

CREATE SCHEMA jsonb_design;

CREATE TABLE jsonb_design.message (
    message_id text COLLATE "C" PRIMARY KEY,
    provider text COLLATE "C",
    direction text COLLATE "C",
    sender text COLLATE "C",
    recipient text COLLATE "C",
    status jsonb NOT NULL DEFAULT '{}',
    error_code integer,
    error_title text,
    error_details text,
    pricing_category text COLLATE "C",
    billable boolean,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);

CREATE TABLE jsonb_design.status_event (
    message_id text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    fingerprint bigint NOT NULL,
    time_source text COLLATE "C" NOT NULL,
    source text COLLATE "C",
    participant text COLLATE "C",
    error_code integer,
    error_title text,
    error_details text,
    detail jsonb,
    PRIMARY KEY (message_id, fingerprint)
);

-- Merges two timelines: the earlier time of each state stays. ISO 8601 in UTC sorts as text.
CREATE FUNCTION jsonb_design.merge_timelines(a jsonb, b jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(key, value ORDER BY value DESC)
    FROM (SELECT * FROM jsonb_each_text(a) UNION ALL SELECT * FROM jsonb_each_text(b)) AS both_timelines
$$;

-- Does what msgstatus.apply_message_status does, for Meta's envelope or an array of them, and returns how many
-- observations were new. The second statement takes the rows in the order of their key, so that two calls never deadlock.
CREATE FUNCTION jsonb_design.apply(payload jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    new_observations integer;
BEGIN
    WITH observed AS MATERIALIZED (
        SELECT s ->> 'id' AS message_id,
            s ->> 'status' AS state,
            to_timestamp((s ->> 'timestamp')::bigint) AS event_time,
            '+' || (v -> 'metadata' ->> 'display_phone_number') AS sender,
            '+' || (s ->> 'recipient_id') AS recipient,
            s ->> 'recipient_participant_id' AS participant,
            (s -> 'errors' -> 0 ->> 'code')::integer AS error_code,
            s -> 'errors' -> 0 ->> 'title' AS error_title,
            s -> 'errors' -> 0 -> 'error_data' ->> 'details' AS error_details,
            s -> 'pricing' ->> 'category' AS pricing_category,
            (s -> 'pricing' -> 'billable')::boolean AS billable,
            NULLIF(s - '{id,status,timestamp,recipient_id,recipient_participant_id}'::text[], '{}') AS detail
        FROM jsonb_path_query(payload, '$[*].entry[*].changes[*].value') AS v,
            jsonb_array_elements(v -> 'statuses') AS s
        WHERE s ->> 'status' IN ('sent', 'delivered', 'read', 'played', 'failed') AND s ->> 'id' <> ''
    ), trail AS (
        INSERT INTO jsonb_design.status_event (message_id, state, event_time, received_at, fingerprint, time_source,
            participant, error_code, error_title, error_details, detail)
        SELECT message_id, state, event_time, now(),
            hashtextextended(concat_ws('|', state, event_time, participant, error_code), 0), 'provider',
            participant, error_code, error_title, error_details, detail
        FROM observed
        ORDER BY message_id
        ON CONFLICT (message_id, fingerprint) DO NOTHING
        RETURNING 1
    ), merged AS (
        INSERT INTO jsonb_design.message AS m (message_id, provider, direction, sender, recipient, status, error_code,
            error_title, error_details, pricing_category, billable)
        SELECT message_id, 'meta', 'outbound', min(sender), min(recipient),
            jsonb_object_agg(state, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                ORDER BY event_time DESC),
            min(error_code), min(error_title), min(error_details), min(pricing_category), bool_or(billable)
        FROM observed
        GROUP BY message_id
        ORDER BY message_id
        ON CONFLICT (message_id) DO UPDATE
        SET status = CASE WHEN m.status || excluded.status @> m.status THEN m.status || excluded.status
                    ELSE jsonb_design.merge_timelines(m.status, excluded.status) END,
            sender = COALESCE(m.sender, excluded.sender),
            recipient = COALESCE(m.recipient, excluded.recipient),
            error_code = COALESCE(m.error_code, excluded.error_code),
            error_title = COALESCE(m.error_title, excluded.error_title),
            error_details = COALESCE(m.error_details, excluded.error_details),
            pricing_category = COALESCE(m.pricing_category, excluded.pricing_category),
            billable = COALESCE(m.billable, excluded.billable),
            updated_at = now()
        WHERE NOT m.status @> excluded.status
    )
    SELECT count(*) INTO new_observations FROM trail;
    RETURN new_observations;
END
$$;
