CREATE FUNCTION msgstatus.apply_message_status(
    payload jsonb, received_at timestamptz DEFAULT now(), source text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'apply_message_status';
COMMENT ON FUNCTION msgstatus.apply_message_status(jsonb, timestamptz, text) IS
    'Applies a webhook body of any provider, or an array of them; returns how many statuses were received, applied, unchanged, rejected, ignored';

CREATE FUNCTION msgstatus.apply_message_status_batch(
    payloads jsonb[], received_at timestamptz[], sources text[],
    OUT received integer, OUT applied integer, OUT unchanged integer, OUT rejected integer, OUT ignored integer
) RETURNS SETOF record
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'apply_message_status_batch';
COMMENT ON FUNCTION msgstatus.apply_message_status_batch(jsonb[], timestamptz[], text[]) IS
    'Applies many webhook bodies at once, each with its time of receipt and source; returns a row of counts for each, in order';
