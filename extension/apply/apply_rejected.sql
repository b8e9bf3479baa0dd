-- The way back for dead letters, after the cause is mended (a state made known, a body edited).

CREATE FUNCTION msgstatus.apply_rejected(
    payloads jsonb[], received_at timestamptz[], sources text[], providers text[], senders text[],
    OUT received integer, OUT applied integer, OUT unchanged integer, OUT rejected integer, OUT ignored integer
) RETURNS SETOF record
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'apply_rejected';
COMMENT ON FUNCTION msgstatus.apply_rejected(jsonb[], timestamptz[], text[], text[], text[]) IS
    'Applies parts of webhooks with what is known of their surroundings; used by replay_rejected()';
