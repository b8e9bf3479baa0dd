-- The ceiling: typed columns and no JSON at all. The statuses stand ready in a table, each message at most once in a call,
-- so nothing is parsed, aggregated or merged but by the two writes themselves.

CREATE SCHEMA typed_design;

CREATE TABLE typed_design.message (
    message_id text COLLATE "C" PRIMARY KEY,
    provider text COLLATE "C",
    direction text COLLATE "C",
    sender text COLLATE "C",
    recipient text COLLATE "C",
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    failed_at timestamptz,
    error_code integer,
    error_title text,
    error_details text,
    pricing_category text COLLATE "C",
    billable boolean,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);

CREATE TABLE typed_design.status_event (LIKE jsonb_design.status_event INCLUDING ALL);

CREATE UNLOGGED TABLE typed_design.staged (
    n bigint PRIMARY KEY,
    message_id text COLLATE "C" NOT NULL,
    provider text COLLATE "C",
    direction text COLLATE "C",
    sender text COLLATE "C",
    recipient text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    event_time timestamptz NOT NULL,
    pricing_category text COLLATE "C",
    billable boolean,
    detail jsonb,
    fingerprint bigint NOT NULL,
    sent_at timestamptz GENERATED ALWAYS AS (CASE state WHEN 'sent' THEN event_time END) STORED,
    delivered_at timestamptz GENERATED ALWAYS AS (CASE state WHEN 'delivered' THEN event_time END) STORED,
    read_at timestamptz GENERATED ALWAYS AS (CASE state WHEN 'read' THEN event_time END) STORED
);

-- Writes the staged statuses from the first number up to, but without, the last. Left alone, PostgreSQL would
-- plan both statements anew in each call.
CREATE FUNCTION typed_design.apply(first bigint, last bigint) RETURNS void
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO typed_design.status_event (message_id, state, event_time, received_at, fingerprint, time_source, detail)
    SELECT message_id, state, event_time, now(), fingerprint, 'provider', detail
    FROM typed_design.staged
    WHERE n >= first AND n < last
    ORDER BY message_id
    ON CONFLICT (message_id, fingerprint) DO NOTHING;

    INSERT INTO typed_design.message AS m (message_id, provider, direction, sender, recipient, sent_at, delivered_at,
        read_at, pricing_category, billable)
    SELECT message_id, provider, direction, sender, recipient, sent_at, delivered_at, read_at, pricing_category, billable
    FROM typed_design.staged
    WHERE n >= first AND n < last
    ORDER BY message_id
    ON CONFLICT (message_id) DO UPDATE
    SET sent_at = LEAST(m.sent_at, excluded.sent_at),
        delivered_at = LEAST(m.delivered_at, excluded.delivered_at),
        read_at = LEAST(m.read_at, excluded.read_at),
        pricing_category = COALESCE(m.pricing_category, excluded.pricing_category),
        billable = COALESCE(m.billable, excluded.billable),
        updated_at = now();
END
$$;
