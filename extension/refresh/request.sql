-- request_refresh() and request_refresh_pending(): put messages into the queue, each once.

CREATE TYPE msgstatus.refresh_request AS (
    asked bigint,
    already_queued bigint,
    final bigint,
    recent bigint,
    not_possible bigint,
    unknown bigint
);
COMMENT ON TYPE msgstatus.refresh_request IS
    'How many messages a request put into the queue, and how many it did not: already there, in a final state or unknown to the provider, fetched within the last minute, of a provider that cannot be asked, not in message';

CREATE FUNCTION msgstatus.queue_refreshes(message_ids text[], max_messages integer) RETURNS msgstatus.refresh_request
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result msgstatus.refresh_request;
    queued bigint;
BEGIN
    WITH given AS MATERIALIZED (
        -- A message may be named by any of its ids, and is fetched by one that the provider knows.
        SELECT n.message_id, n.kept_as, min(n.place) AS place
        FROM (
            SELECT CASE
                    WHEN msgstatus.refreshable(m.provider, m.message_id) THEN m.message_id
                    ELSE COALESCE((
                        SELECT min(i.alias) FROM msgstatus.message_alias AS i
                        WHERE i.message_id = m.message_id AND msgstatus.refreshable(m.provider, i.alias)), m.message_id, g.message_id)
                END AS message_id, m.message_id AS kept_as, g.place
            FROM unnest(message_ids) WITH ORDINALITY AS g (message_id, place)
            LEFT JOIN msgstatus.message_alias AS a ON a.alias = g.message_id
            LEFT JOIN LATERAL (
                SELECT k.message_id, k.provider FROM msgstatus.message AS k
                WHERE k.message_id = COALESCE(a.message_id, g.message_id) OFFSET 0
            ) AS m ON true
            WHERE g.message_id IS NOT NULL
        ) AS n
        GROUP BY n.message_id, n.kept_as
    ), sorted AS MATERIALIZED (
        SELECT g.message_id, g.place, CASE
                WHEN m.message_id IS NULL THEN 'unknown'
                WHEN q.message_id IS NOT NULL THEN 'already_queued'
                WHEN NOT msgstatus.refreshable(m.provider, g.message_id) THEN 'not_possible'
                WHEN msgstatus.is_final(msgstatus.state(m.status)) OR c.outcome = 'unknown' THEN 'final'
                WHEN c.checked_at > now() - interval '1 minute' THEN 'recent'
            END AS kind
        FROM given AS g
        LEFT JOIN LATERAL (
            SELECT k.message_id, k.provider, k.status FROM msgstatus.message AS k WHERE k.message_id = g.kept_as OFFSET 0
        ) AS m ON true
        LEFT JOIN msgstatus.refresh_queue AS q ON q.message_id = g.message_id
        LEFT JOIN msgstatus.message_check AS c ON c.message_id = g.message_id
    ), chosen AS MATERIALIZED (
        SELECT s.message_id FROM sorted AS s WHERE s.kind IS NULL ORDER BY s.place LIMIT max_messages
    ), added AS (
        -- In the order of ids, so that two requests for the same messages wait for each other, not in a circle.
        INSERT INTO msgstatus.refresh_queue AS q (message_id)
        SELECT c.message_id FROM chosen AS c ORDER BY c.message_id
        ON CONFLICT (message_id) DO NOTHING
        RETURNING q.message_id
    )
    SELECT (SELECT count(*) FROM added),
        count(*) FILTER (WHERE s.kind = 'already_queued') + (SELECT count(*) FROM chosen) - (SELECT count(*) FROM added),
        count(*) FILTER (WHERE s.kind = 'final'),
        count(*) FILTER (WHERE s.kind = 'recent'),
        count(*) FILTER (WHERE s.kind = 'not_possible'),
        count(*) FILTER (WHERE s.kind = 'unknown')
    INTO result.asked, result.already_queued, result.final, result.recent, result.not_possible, result.unknown
    FROM sorted AS s;
    IF result.asked > 0 THEN
        PERFORM pg_notify('msgstatus_refresh', '');
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION msgstatus.queue_refreshes(text[], integer) IS
    'Puts those of the messages that may be fetched into the queue, at most so many, the first ones first; notifies workers; returns how many';

CREATE FUNCTION msgstatus.request_refresh(message_ids text[]) RETURNS msgstatus.refresh_request
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    IF message_ids IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'argument "message_ids" must not be null';
    ELSIF cardinality(message_ids) > 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'message_ids must not have more than 100000 elements';
    END IF;
    RETURN msgstatus.queue_refreshes(message_ids, cardinality(message_ids));
END
$$;
COMMENT ON FUNCTION msgstatus.request_refresh(text[]) IS
    'Asks for the statuses of these messages to be fetched from the provider: each once, none that is final or was fetched within the last minute; returns how many';

CREATE FUNCTION msgstatus.request_refresh_pending(
    older_than interval DEFAULT '0',
    max_messages integer DEFAULT 10000,
    state msgstatus.delivery_state[] DEFAULT NULL,
    message_type text DEFAULT NULL,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    recipient_prefix text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL,
    created_from timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL,
    metadata_text text DEFAULT NULL
) RETURNS msgstatus.refresh_request
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    filter msgstatus.message_filter := msgstatus.message_filter(true, NULL, message_type, provider, direction, recipient_prefix,
        campaign_id, created_from, created_before, metadata_text);
    matching text[];
BEGIN
    PERFORM msgstatus.check_installation();
    IF older_than IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'argument "older_than" must not be null';
    ELSIF max_messages IS NULL OR max_messages NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_messages must be between 1 and 100000';
    END IF;
    PERFORM msgstatus.check_metadata_text(filter);
    -- The newest first. Messages that are queued already do not count, so that a second request asks for the next ones.
    EXECUTE concat('
        SELECT array_agg(m.message_id) FROM (
            SELECT message_id FROM (
                SELECT r.hour FROM msgstatus.hour_rollup AS r WHERE NOT r.inbound GROUP BY r.hour
                HAVING sum(r.messages - r.in_processing - r.in_received - r.in_partially_delivered - r.in_skipped
                    - r.in_canceled - r.in_failed - r.in_undelivered - r.in_delivered - r.in_read - r.in_played) > 0
            ) AS h
            JOIN msgstatus.message AS m ON m.created_at >= h.hour AND m.created_at < h.hour + interval ''1 hour''
            WHERE msgstatus.is_final(msgstatus.state(status)) IS NOT TRUE AND direction IS DISTINCT FROM ''inbound''
                AND created_at <= now() - $2
                AND ($3 IS NULL OR msgstatus.state(status) = ANY ($3))',
                msgstatus.message_conditions(filter), '
                AND NOT EXISTS (SELECT FROM msgstatus.refresh_queue AS q WHERE q.message_id = m.message_id)
            ORDER BY created_at DESC LIMIT $4
        ) AS m')
    INTO matching USING filter, older_than, state, 10 * max_messages::bigint;
    RETURN msgstatus.queue_refreshes(COALESCE(matching, '{}'), max_messages);
END
$$;
COMMENT ON FUNCTION msgstatus.request_refresh_pending(interval, integer, msgstatus.delivery_state[], text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'Asks for the statuses of outgoing messages under a filter that have no final state and are this old to be fetched, the newest first; returns how many; those in the queue already are not counted; 22023 for a number out of range';
