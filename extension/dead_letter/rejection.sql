-- The row type in which dead letters travel into the statement that inserts them.

CREATE TYPE msgstatus.rejection AS (
    received_at timestamptz,
    source text,
    provider text,
    sender text,
    reason text,
    payload jsonb,
    body text
);
COMMENT ON TYPE msgstatus.rejection IS 'A row to be inserted into rejected_status';
