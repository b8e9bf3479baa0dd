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
