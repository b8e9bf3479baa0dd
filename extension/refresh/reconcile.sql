-- Reconciliation: a worker compares the messages of the last days with the provider's list, page by page.

-- The trail has no index by account, and grows at its end. So the accounts are read from there, at most so many pages of each
-- partition; those that an earlier reconciliation saw are remembered in its row.
CREATE FUNCTION msgstatus.read_callback_accounts(sees_all boolean, since timestamptz) RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pages CONSTANT bigint := 16384;
    part record;
    named text[];
    accounts text[] := '{}';
BEGIN
    FOR part IN
        SELECT c.oid::regclass AS name, GREATEST(pg_relation_size(c.oid) / current_setting('block_size')::bigint - pages, 0) AS first_page
        FROM pg_partition_tree('msgstatus.status_event') AS t JOIN pg_class AS c ON c.oid = t.relid,
            LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM $pattern$TO \('([^']*)'\)$pattern$)::timestamptz AS bound) AS upper
        WHERE t.isleaf AND c.relkind = 'r' AND COALESCE(upper.bound > $2, true)
    LOOP
        EXECUTE format('
            SELECT array_agg(DISTINCT a.account_sid)
            FROM ONLY %s AS e, LATERAL (
                SELECT COALESCE(e.detail ->> ''AccountSid'', e.detail ->> ''account_sid'', e.detail ->> ''accountSid'')) AS a (account_sid)
            WHERE e.ctid >= %L::tid AND e.received_at >= $1 AND a.account_sid ~ ''^AC[0-9a-fA-F]{32}$''',
            part.name, format('(%s,0)', part.first_page))
        INTO named USING $2;
        accounts := ARRAY(SELECT DISTINCT a FROM unnest(accounts || named) AS a ORDER BY a);
    END LOOP;
    RETURN accounts;
END
$$;
COMMENT ON FUNCTION msgstatus.read_callback_accounts(boolean, timestamptz) IS 'callback_accounts() for the owner of the tables';

CREATE FUNCTION msgstatus.callback_accounts(since timestamptz) RETURNS text[]
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.callback_accounts(timestamptz) IS
    'The Twilio accounts that callbacks received since a time named, as far as the last 128 MB of each partition of the trail tell';

CREATE FUNCTION msgstatus.begin_reconciliation(worker text, every interval, since interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    started bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF $1 IS NULL OR $1 = '' OR $2 IS NULL OR $3 IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'worker, every and since must be given';
    END IF;
    -- One of several workers begins.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.begin_reconciliation', 0)) OR EXISTS (
        SELECT FROM msgstatus.reconciliation AS r
        WHERE r.ended_at IS NULL AND r.seen_at > clock_timestamp() - interval '10 minutes'
            OR r.ended_at IS NOT NULL AND r.error IS NULL AND r.began_at > clock_timestamp() - $2
            -- One that failed is tried again, but not at once.
            OR r.ended_at > clock_timestamp() - LEAST($2, '10 minutes')
    ) THEN
        RETURN NULL;
    END IF;
    UPDATE msgstatus.reconciliation AS r SET ended_at = clock_timestamp(), error = 'the worker ended'
    WHERE r.ended_at IS NULL;
    DELETE FROM msgstatus.reconciliation AS r WHERE r.began_at < now() - interval '90 days';
    INSERT INTO msgstatus.reconciliation AS r (worker, sent_from, accounts)
    VALUES ($1, clock_timestamp() - $3, msgstatus.callback_accounts(clock_timestamp() - $3))
    RETURNING r.reconciliation_id INTO started;
    RETURN started;
END
$$;
COMMENT ON FUNCTION msgstatus.begin_reconciliation(text, interval, interval) IS
    'Begins a reconciliation of messages sent since this long ago if the last one that succeeded began longer than every ago and none is under way, and returns its id, else NULL';

CREATE FUNCTION msgstatus.accounts_to_reconcile(reconciliation_id bigint) RETURNS SETOF text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT a.account_sid
    FROM msgstatus.reconciliation AS c
    JOIN msgstatus.reconciliation AS r ON r.began_at >= c.sent_from, unnest(r.accounts) AS a (account_sid)
    WHERE c.reconciliation_id = $1
    ORDER BY a.account_sid LIMIT 1000
$$;
COMMENT ON FUNCTION msgstatus.accounts_to_reconcile(bigint) IS
    'The accounts that callbacks named in the days of a reconciliation, as it and those before it saw, 1000 at most; beside the configured one their lists are compared, too';

CREATE FUNCTION msgstatus.unknown_messages(message_ids text[]) RETURNS SETOF text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.message_id FROM unnest($1) AS g (message_id)
    WHERE NOT EXISTS (SELECT FROM msgstatus.refresh_known AS k WHERE k.message_id = g.message_id)
$$;
COMMENT ON FUNCTION msgstatus.unknown_messages(text[]) IS 'Those of the ids that belong to no message';

CREATE FUNCTION msgstatus.record_listed(message_ids text[], changed boolean[]) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    recorded text[];
BEGIN
    PERFORM msgstatus.check_installation();
    WITH listed AS MATERIALIZED (
        SELECT l.message_id, bool_or(l.changed) AS changed FROM unnest($1, $2) AS l (message_id, changed)
        WHERE l.message_id IS NOT NULL GROUP BY l.message_id
    ), waiting AS MATERIALIZED (
        SELECT q.message_id, q.asked_at, q.asked_by, q.attempts
        FROM listed AS l JOIN msgstatus.refresh_queue AS q ON q.message_id = l.message_id
        ORDER BY q.message_id
        FOR UPDATE OF q SKIP LOCKED
    ), done AS (
        DELETE FROM msgstatus.refresh_queue AS q USING waiting AS w WHERE q.message_id = w.message_id
    ), checked AS (
        -- A list holds mostly messages that ended long ago, and a row for each would say nothing new.
        INSERT INTO msgstatus.message_check AS c (message_id, checked_at, outcome, asked_at, asked_by, attempts)
        SELECT l.message_id, at, CASE WHEN l.changed THEN 'changed' ELSE 'unchanged' END,
            COALESCE(w.asked_at, at), COALESCE(w.asked_by, current_user), COALESCE(w.attempts, 0)
        FROM listed AS l
        LEFT JOIN waiting AS w ON w.message_id = l.message_id
        LEFT JOIN msgstatus.refresh_known AS k ON k.message_id = l.message_id
        WHERE l.changed OR w.message_id IS NOT NULL OR msgstatus.is_final(k.state) IS NOT TRUE
        ORDER BY l.message_id
        ON CONFLICT (message_id) DO UPDATE SET checked_at = excluded.checked_at, outcome = excluded.outcome,
            asked_at = excluded.asked_at, asked_by = excluded.asked_by, attempts = excluded.attempts, error = NULL
        RETURNING c.message_id
    )
    SELECT array_agg(c.message_id) INTO recorded FROM checked AS c;
    IF recorded IS NOT NULL THEN
        PERFORM msgstatus.reflect_checks(recorded, at);
    END IF;
    RETURN COALESCE(cardinality(recorded), 0);
END
$$;
COMMENT ON FUNCTION msgstatus.record_listed(text[], boolean[]) IS
    'Records that these messages were on a page of the provider''s list, and whether that changed them: ends their requests, and notes the check of those that changed or have no final state; returns how many it noted';

CREATE FUNCTION msgstatus.record_reconciliation(
    reconciliation_id bigint, pages integer DEFAULT 0, messages bigint DEFAULT 0, changed bigint DEFAULT 0,
    discovered bigint DEFAULT 0, ended boolean DEFAULT false, error text DEFAULT NULL
) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE msgstatus.reconciliation AS r
    SET pages = r.pages + $2, messages = r.messages + $3, changed = r.changed + $4, discovered = r.discovered + $5,
        seen_at = clock_timestamp(), ended_at = CASE WHEN $6 THEN clock_timestamp() END, error = $7
    WHERE r.reconciliation_id = $1 AND r.ended_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION msgstatus.record_reconciliation(bigint, integer, bigint, bigint, bigint, boolean, text) IS
    'Adds to the numbers of a reconciliation that is under way, or ends it; false if it ended before';
