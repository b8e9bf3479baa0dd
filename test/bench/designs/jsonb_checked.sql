-- The jsonb design with what msgstatus promises beside not going backwards: content never raises an error, what cannot be
-- used is kept with a reason, times that cannot be true are replaced, and facts and errors end the same in whatever order
-- they come. For Meta's envelope, as the other; and written as much for speed.

CREATE SCHEMA jsonb_checked;

CREATE TABLE jsonb_checked.message (
    LIKE jsonb_design.message INCLUDING ALL,
    -- Time, code, title and details of the earliest failure, ties broken by value.
    failure text[] COLLATE "C"
) WITH (fillfactor = 85);

CREATE TABLE jsonb_checked.status_event (LIKE jsonb_design.status_event INCLUDING ALL);

CREATE TABLE jsonb_checked.rejected_status (
    rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    reason text NOT NULL,
    payload jsonb NOT NULL
);

-- These three are written so that PostgreSQL puts them in place of their calls.

-- Writes a phone number as +<digits>.
CREATE FUNCTION jsonb_checked.address(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '+' || CASE WHEN translate(value, '0123456789', '') = '' THEN value ELSE regexp_replace(value, '[^0-9]', '', 'g') END
$$;

-- Reads unix seconds, milliseconds or microseconds; NULL for anything else.
CREATE FUNCTION jsonb_checked.event_time(value text) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN translate(value, '0123456789', '') = '' AND length(value) BETWEEN 1 AND 17 THEN
        to_timestamp(value::bigint / CASE WHEN length(value) <= 11 THEN 1e0 WHEN length(value) <= 14 THEN 1e3 ELSE 1e6 END::float8) END
$$;

-- Reads an integer; NULL for anything else.
CREATE FUNCTION jsonb_checked.code(value text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN translate(value, '0123456789', '') = '' AND length(value) BETWEEN 1 AND 9 THEN value::integer END
$$;

-- Does what apply of the jsonb design does.
CREATE FUNCTION jsonb_checked.apply(payload jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    new_observations integer;
BEGIN
    WITH observed AS MATERIALIZED (
        SELECT s AS said,
            s ->> 'id' AS message_id,
            s ->> 'status' AS state,
            CASE
                WHEN t.at >= '2000-01-01 00:00Z' AND t.at <= now() + interval '1 day' THEN t.at ELSE now()
            END AS event_time,
            CASE
                WHEN t.at >= '2000-01-01 00:00Z' AND t.at <= now() + interval '1 day' THEN 'provider' ELSE 'receipt'
            END AS time_source,
            jsonb_checked.address(v -> 'metadata' ->> 'display_phone_number') AS sender,
            jsonb_checked.address(s ->> 'recipient_id') AS recipient,
            s ->> 'recipient_participant_id' AS participant,
            jsonb_checked.code(e.error ->> 'code') AS error_code,
            e.error ->> 'title' AS error_title,
            e.error -> 'error_data' ->> 'details' AS error_details,
            s -> 'pricing' ->> 'category' AS pricing_category,
            CASE jsonb_typeof(s -> 'pricing' -> 'billable') WHEN 'boolean' THEN (s -> 'pricing' -> 'billable')::boolean END AS billable,
            CASE jsonb_typeof(s)
                WHEN 'object' THEN NULLIF(s - '{id,status,timestamp,recipient_id,recipient_participant_id}'::text[], '{}')
            END AS detail,
            CASE
                WHEN jsonb_typeof(s) <> 'object' THEN 'not an object'
                WHEN COALESCE(s ->> 'id', '') = '' THEN 'no id'
                WHEN octet_length(s ->> 'id') > 512 THEN 'the id is longer than 512 bytes'
                WHEN (s ->> 'status' IN ('sent', 'delivered', 'read', 'played', 'failed')) IS NOT TRUE THEN 'unknown status'
                WHEN octet_length(s ->> 'recipient_id') > 256 OR octet_length(e.error::text) > 8192 THEN 'a text is too long'
            END AS reason
        FROM jsonb_path_query(payload, '$[*].entry[*].changes[*].value') AS v,
            jsonb_array_elements(CASE jsonb_typeof(v -> 'statuses') WHEN 'array' THEN v -> 'statuses' ELSE '[]' END) AS s
            CROSS JOIN LATERAL (SELECT jsonb_checked.event_time(s ->> 'timestamp') AS at OFFSET 0) AS t
            CROSS JOIN LATERAL (SELECT s -> 'errors' -> 0 AS error OFFSET 0) AS e
    ), rejected AS (
        INSERT INTO jsonb_checked.rejected_status (received_at, reason, payload)
        SELECT now(), reason, said FROM observed WHERE reason IS NOT NULL
    ), trail AS (
        INSERT INTO jsonb_checked.status_event (message_id, state, event_time, received_at, fingerprint, time_source,
            participant, error_code, error_title, error_details, detail)
        SELECT message_id, state, event_time, now(),
            hashtextextended(concat_ws('|', state, event_time, participant, error_code), 0), time_source,
            participant, error_code, error_title, error_details, detail
        FROM observed
        WHERE reason IS NULL
        ORDER BY message_id
        ON CONFLICT (message_id, fingerprint) DO NOTHING
        RETURNING 1
    ), merged AS (
        INSERT INTO jsonb_checked.message AS m (message_id, provider, direction, sender, recipient, status, failure, error_code,
            error_title, error_details, pricing_category, billable)
        SELECT message_id, 'meta', 'outbound', sender, recipient, status, failure, failure[2]::integer, failure[3], failure[4],
            pricing_category, billable
        FROM (
            SELECT message_id, min(sender) AS sender, min(recipient) AS recipient,
                jsonb_object_agg(state, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                    ORDER BY event_time DESC) AS status,
                min(CASE WHEN state = 'failed' AND COALESCE(error_code::text, error_title, error_details) IS NOT NULL THEN
                    ARRAY[to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), error_code::text, error_title,
                        error_details] END) AS failure,
                min(pricing_category) AS pricing_category, bool_or(billable) AS billable
            FROM observed
            WHERE reason IS NULL
            GROUP BY message_id
        ) AS joined
        ORDER BY message_id
        ON CONFLICT (message_id) DO UPDATE
        SET status = CASE WHEN m.status || excluded.status @> m.status THEN m.status || excluded.status
                    ELSE jsonb_design.merge_timelines(m.status, excluded.status) END,
            sender = LEAST(m.sender, excluded.sender),
            recipient = LEAST(m.recipient, excluded.recipient),
            failure = LEAST(m.failure, excluded.failure),
            error_code = (LEAST(m.failure, excluded.failure))[2]::integer,
            error_title = (LEAST(m.failure, excluded.failure))[3],
            error_details = (LEAST(m.failure, excluded.failure))[4],
            pricing_category = LEAST(m.pricing_category, excluded.pricing_category),
            billable = GREATEST(m.billable, excluded.billable),
            updated_at = now()
        WHERE NOT m.status @> excluded.status
            OR (LEAST(m.sender, excluded.sender), LEAST(m.recipient, excluded.recipient), LEAST(m.failure, excluded.failure),
                LEAST(m.pricing_category, excluded.pricing_category), GREATEST(m.billable, excluded.billable))
                IS DISTINCT FROM (m.sender, m.recipient, m.failure, m.pricing_category, m.billable)
    )
    SELECT count(*) INTO new_observations FROM trail;
    RETURN new_observations;
END
$$;
