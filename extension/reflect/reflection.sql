-- The row type in which messages travel into the statements that bring attached tables up to date.

CREATE TYPE msgstatus.reflection AS (
    message_id text,
    status msgstatus.message_status,
    error_code integer,
    error_title text,
    error_details text,
    failures integer,
    changed_at timestamptz
);
COMMENT ON TYPE msgstatus.reflection IS
    'A message on its way into an attached table; failures: 1 if this call brought its first failure, 0 if not, NULL if that is not known';
