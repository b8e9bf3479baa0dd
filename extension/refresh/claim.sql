-- What a worker calls: it claims messages, reports what came, and gives back what it cannot do.

CREATE FUNCTION msgstatus.claim_refreshes(worker text, max_messages integer DEFAULT 100, lease interval DEFAULT '2 minutes')
RETURNS TABLE (
    message_id text,
    claim integer,
    attempts integer,
    account_sid text,
    created_at timestamptz
)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM msgstatus.check_installation();
    IF $1 IS NULL OR $1 = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'worker must not be empty';
    ELSIF $2 IS NULL OR $2 NOT BETWEEN 1 AND 10000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_messages must be between 1 and 10000';
    ELSIF $3 IS NULL OR $3 NOT BETWEEN '1 second' AND '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'lease must be between 1 second and 1 day';
    END IF;
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT q.message_id FROM msgstatus.refresh_queue AS q
        WHERE q.next_attempt_at <= clock_timestamp()
        ORDER BY q.next_attempt_at LIMIT $2
        FOR NO KEY UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE msgstatus.refresh_queue AS q
        SET next_attempt_at = clock_timestamp() + $3, worker = $1, claim = q.claim + 1, attempts = q.attempts + 1
        FROM due AS d WHERE q.message_id = d.message_id
        RETURNING q.message_id, q.claim, q.attempts
    )
    SELECT c.message_id, c.claim, c.attempts,
        (SELECT a.account_sid FROM msgstatus.refresh_account AS a WHERE a.message_id = c.message_id ORDER BY a.received_at DESC LIMIT 1),
        (SELECT k.created_at FROM msgstatus.refresh_known AS k WHERE k.message_id = c.message_id)
    FROM claimed AS c;
END
$$;
COMMENT ON FUNCTION msgstatus.claim_refreshes(text, integer, interval) IS
    'Claims due messages for a worker until the lease ends, those that others hold left out; with the account that callbacks named';

CREATE FUNCTION msgstatus.reflect_checks(message_ids text[], checked_at timestamptz) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reflect_checks';
COMMENT ON FUNCTION msgstatus.reflect_checks(text[], timestamptz) IS
    'Shows the time of a check of these messages in the columns last_status_check of attached tables; a row that cannot be updated shows it with the next change';

CREATE FUNCTION msgstatus.finish_refreshes(
    message_ids text[], claims integer[], outcomes text[], errors text[], pauses interval[]
) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    finished bigint;
    answered text[];
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT $3 <@ '{changed,unchanged,unknown,failed,later,released}' OR $3 IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'outcomes must be changed, unchanged, unknown, failed, later or released';
    END IF;
    WITH report AS MATERIALIZED (
        SELECT r.message_id, r.outcome, r.error, r.pause, q.asked_at, q.asked_by, q.attempts
        FROM unnest($1, $2, $3, $4, $5) AS r (message_id, claim, outcome, error, pause)
        JOIN msgstatus.refresh_queue AS q ON q.message_id = r.message_id AND q.claim = r.claim AND q.worker IS NOT NULL
        ORDER BY r.message_id
        FOR UPDATE OF q
    ), put_back AS (
        UPDATE msgstatus.refresh_queue AS q
        SET worker = NULL, next_attempt_at = at + COALESCE(r.pause, '0'), last_error = COALESCE(r.error, q.last_error),
            attempts = q.attempts - CASE r.outcome WHEN 'released' THEN 1 ELSE 0 END
        FROM report AS r WHERE q.message_id = r.message_id AND r.outcome IN ('later', 'released')
    ), done AS (
        DELETE FROM msgstatus.refresh_queue AS q
        USING report AS r WHERE q.message_id = r.message_id AND r.outcome NOT IN ('later', 'released')
    ), checked AS (
        INSERT INTO msgstatus.message_check AS c (message_id, checked_at, outcome, asked_at, asked_by, attempts, error)
        SELECT r.message_id, at, r.outcome, r.asked_at, r.asked_by, r.attempts, r.error
        FROM report AS r WHERE r.outcome NOT IN ('later', 'released')
        ON CONFLICT (message_id) DO UPDATE SET checked_at = excluded.checked_at, outcome = excluded.outcome,
            asked_at = excluded.asked_at, asked_by = excluded.asked_by, attempts = excluded.attempts, error = excluded.error
    )
    SELECT count(*), array_agg(r.message_id) FILTER (WHERE r.outcome IN ('changed', 'unchanged', 'unknown'))
    INTO finished, answered
    FROM report AS r;
    IF answered IS NOT NULL THEN
        PERFORM msgstatus.reflect_checks(answered, at);
    END IF;
    RETURN finished;
END
$$;
COMMENT ON FUNCTION msgstatus.finish_refreshes(text[], integer[], text[], text[], interval[]) IS
    'Reports what came of claims: changed, unchanged, unknown (the provider does not know the message) or failed ends them; later tries again after the pause; released does so without counting the attempt; returns how many of the claims were still held';

CREATE FUNCTION msgstatus.request_stuck_refreshes(
    older_than interval, max_messages integer DEFAULT 1000, younger_than interval DEFAULT '7 days'
) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    asked bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF $1 IS NULL OR $3 IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'older_than and younger_than must not be null';
    ELSIF $2 IS NULL OR $2 NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_messages must be between 1 and 100000';
    END IF;
    WITH stuck AS MATERIALIZED (
        SELECT s.message_id FROM msgstatus.refresh_stuck AS s
        WHERE s.created_at <= now() - $1 AND s.created_at > now() - $3
        ORDER BY s.created_at LIMIT $2
    ), added AS (
        INSERT INTO msgstatus.refresh_queue AS q (message_id)
        SELECT s.message_id FROM stuck AS s ORDER BY s.message_id
        ON CONFLICT (message_id) DO NOTHING
        RETURNING q.message_id
    )
    SELECT count(*) INTO asked FROM added;
    IF asked > 0 THEN
        PERFORM pg_notify('msgstatus_refresh', '');
    END IF;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION msgstatus.request_stuck_refreshes(interval, integer, interval) IS
    'Asks for outgoing messages of this age without a final state, the oldest first, each again when its age has doubled since the last check; returns how many';
