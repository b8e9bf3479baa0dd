-- The way in for webhooks. The functions act on the tables as the tables' owner, so a role needs no right on them.

-- A function, because a subquery would make every call open every partition of the trail, and few have to look into it. It
-- sees the snapshot of the statement that calls it. A digest is compared with that of the same observation only: it leaves
-- out what the fingerprint holds, so observations of different states often share one.
CREATE FUNCTION msgstatus.trail_holds(message_id text, fingerprints bigint[], digests integer[], received_at timestamptz)
    RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN trail_holds.fingerprints <@ ARRAY(
        SELECT e.fingerprint FROM msgstatus.status_event AS e
        WHERE e.message_id = trail_holds.message_id
            AND (e.received_at < trail_holds.received_at
                OR e.received_at = trail_holds.received_at
                AND e.digest = trail_holds.digests[array_position(trail_holds.fingerprints, e.fingerprint)]));
END
$$;
COMMENT ON FUNCTION msgstatus.trail_holds(text, bigint[], integer[], timestamptz) IS
    'Are these events of a message in status_event, as told then or received earlier? Called by apply_message_status()';

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

CREATE FUNCTION msgstatus.reject_webhook(
    body text, reason text, received_at timestamptz DEFAULT now(), source text DEFAULT NULL
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reject_webhook';
COMMENT ON FUNCTION msgstatus.reject_webhook(text, text, timestamptz, text) IS
    'Keeps a webhook body that jsonb refuses among the dead letters, as text';
