-- explain_webhook(): what a webhook would be read as, and why not.

CREATE FUNCTION msgstatus.explain_webhook(
    payload jsonb, provider text DEFAULT NULL,
    OUT outcome text, OUT read_as text, OUT message_id text, OUT state msgstatus.delivery_state, OUT event_time timestamptz,
    OUT time_source text, OUT recipient text, OUT sender text, OUT participant text, OUT error_code integer, OUT error_title text,
    OUT more jsonb, OUT detail jsonb, OUT reason text
) RETURNS SETOF record
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 5
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'explain_webhook';
COMMENT ON FUNCTION msgstatus.explain_webhook(jsonb, text) IS
    'What a webhook would be read as if it came from the source that the provider names, and why not; writes nothing; 22023 for an unknown provider';
