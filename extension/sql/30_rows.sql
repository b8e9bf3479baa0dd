-- The composite types in which rows travel into the statements of apply_message_status: one array, whatever the number.

CREATE TYPE msgstatus.observation AS (
    message_id text,
    fingerprint bigint,
    digest integer,
    state msgstatus.delivery_state,
    event_time timestamptz,
    received_at timestamptz,
    time_source text,
    source text,
    participant text,
    error_code integer,
    error_title text,
    error_details text,
    detail jsonb
);
COMMENT ON TYPE msgstatus.observation IS 'A row on its way into status_event';

CREATE TYPE msgstatus.message_change AS (
    message_id text,
    fingerprints bigint[],
    digests integer[],
    known_events bytea,
    received_at timestamptz,
    status msgstatus.message_status,
    provider text,
    direction text,
    sender text,
    recipient text,
    message_type text,
    content text,
    media_url text,
    error_at timestamptz,
    error_code integer,
    error_title text,
    error_details text,
    price numeric,
    price_unit text,
    num_segments integer,
    pricing_category text,
    billable boolean,
    changed_at timestamptz,
    campaign_id uuid,
    metadata jsonb,
    created_at timestamptz
);
COMMENT ON TYPE msgstatus.message_change IS 'What one call changes about one message, on its way into message';

CREATE TYPE msgstatus.rejection AS (
    received_at timestamptz,
    source text,
    provider text,
    sender text,
    reason text,
    payload jsonb,
    body text
);
COMMENT ON TYPE msgstatus.rejection IS 'A row on its way into rejected_status';
