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
