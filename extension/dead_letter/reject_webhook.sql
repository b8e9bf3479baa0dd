-- reject_webhook(): stores a body that is not valid JSON as a dead letter.

CREATE FUNCTION msgstatus.reject_webhook(
    body text, reason text, received_at timestamptz DEFAULT now(), source text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reject_webhook';
COMMENT ON FUNCTION msgstatus.reject_webhook(text, text, timestamptz, text) IS
    'Stores a webhook body that jsonb refuses as a dead letter, as text';
