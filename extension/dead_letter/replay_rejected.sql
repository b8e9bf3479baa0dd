-- replay_rejected(): applies dead letters again.

CREATE FUNCTION msgstatus.replay_rejected(
    ids bigint[] DEFAULT NULL, max_count integer DEFAULT 1000
) RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    letter record;
    replayed bigint[] := '{}';
    payloads jsonb[] := '{}';
    times timestamptz[] := '{}';
    sources text[] := '{}';
    providers text[] := '{}';
    senders text[] := '{}';
    unreadable bigint[] := '{}';
    result jsonb;
BEGIN
    PERFORM msgstatus.check_installation();
    -- SKIP LOCKED lets concurrent sessions share the work.
    FOR letter IN
        SELECT r.rejected_id, r.received_at, r.source, r.provider, r.sender, r.payload, r.body
        FROM msgstatus.rejected_status AS r
        WHERE replay_rejected.ids IS NULL OR r.rejected_id = ANY (replay_rejected.ids)
        ORDER BY r.rejected_at, r.rejected_id
        LIMIT replay_rejected.max_count
        FOR UPDATE SKIP LOCKED
    LOOP
        IF letter.payload IS NULL THEN
            BEGIN
                letter.payload := letter.body::jsonb;
            EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
                unreadable := unreadable || letter.rejected_id;
                CONTINUE;
            END;
        END IF;
        replayed := replayed || letter.rejected_id;
        payloads := payloads || letter.payload;
        times := times || letter.received_at;
        sources := sources || letter.source;
        providers := providers || letter.provider;
        senders := senders || letter.sender;
    END LOOP;

    -- A letter that is rejected again becomes a new dead letter with its new reason. One call applies all letters, so it locks
    -- in the same order as every other call.
    DELETE FROM msgstatus.rejected_status AS r WHERE r.rejected_id = ANY (replayed);
    -- A body that jsonb still refuses goes to the end of the queue, so that it does not block other letters.
    UPDATE msgstatus.rejected_status AS r SET rejected_at = clock_timestamp() WHERE r.rejected_id = ANY (unreadable);
    SELECT jsonb_build_object(
        'replayed', cardinality(replayed) + cardinality(unreadable),
        'applied', COALESCE(sum(a.applied), 0),
        'unchanged', COALESCE(sum(a.unchanged), 0),
        'rejected', COALESCE(sum(a.rejected), 0) + cardinality(unreadable))
    INTO result
    FROM msgstatus.apply_rejected(payloads, times, sources, providers, senders) AS a;
    RETURN result;
END
$$;
COMMENT ON FUNCTION msgstatus.replay_rejected(bigint[], integer) IS
    'Applies dead letters again, all or those with the ids, the oldest first, at most max_count; returns how many were replayed, and how many of their statuses were applied, unchanged or rejected';
