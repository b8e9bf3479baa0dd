-- The way back for dead letters, after the cause is mended (a state made known, a body edited).

CREATE FUNCTION msgstatus.apply_rejected(
    payload jsonb, received_at timestamptz, source text, provider text, sender text
) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'apply_rejected';
COMMENT ON FUNCTION msgstatus.apply_rejected(jsonb, timestamptz, text, text, text) IS
    'Applies a part of a webhook with what is known of its surroundings; used by replay_rejected()';

CREATE FUNCTION msgstatus.replay_rejected(
    ids bigint[] DEFAULT NULL, max_count integer DEFAULT 1000
) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    letter record;
    document jsonb;
    counts jsonb;
    replayed integer := 0;
    applied integer := 0;
    rejected integer := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    -- SKIP LOCKED, so that two sessions that replay do not wait for each other; the highest id of now, so that what is
    -- rejected again is not met again.
    FOR letter IN
        SELECT r.rejected_id, r.received_at, r.source, r.provider, r.sender, r.payload, r.body
        FROM msgstatus.rejected_status AS r
        WHERE replay_rejected.ids IS NULL OR r.rejected_id = ANY (replay_rejected.ids)
        ORDER BY r.rejected_id
        LIMIT replay_rejected.max_count
        FOR UPDATE SKIP LOCKED
    LOOP
        document := letter.payload;
        IF document IS NULL THEN
            BEGIN
                document := letter.body::jsonb;
            EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
                replayed := replayed + 1;
                rejected := rejected + 1;
                CONTINUE;
            END;
        END IF;
        -- Whatever is rejected again comes back as a new dead letter, with the reason of today.
        DELETE FROM msgstatus.rejected_status AS r WHERE r.rejected_id = letter.rejected_id;
        counts := msgstatus.apply_rejected(document, letter.received_at, letter.source, letter.provider, letter.sender);
        replayed := replayed + 1;
        applied := applied + (counts ->> 'applied')::integer;
        rejected := rejected + (counts ->> 'rejected')::integer;
    END LOOP;
    RETURN jsonb_build_object('replayed', replayed, 'applied', applied, 'rejected', rejected);
END
$$;
COMMENT ON FUNCTION msgstatus.replay_rejected(bigint[], integer) IS
    'Applies dead letters again, all or those with the ids, at most max_count, oldest first; returns how many were replayed, and of their statuses applied and rejected';
