-- Messages that have waited too long: a page of the undelivered, unread or stuck ones, and how many there are.

CREATE FUNCTION msgstatus.waiting_since(waiting text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE waiting
        WHEN 'callback' THEN 'created_at'
        -- A message that was sent before its first webhook arrived waits from its time of sending; a message registered in
        -- advance waits from its creation.
        WHEN 'delivery' THEN 'LEAST(created_at, msgstatus.reached_at(status, ''sent''))'
        WHEN 'reading' THEN 'msgstatus.reached_at(status, ''delivered'')'
    END
$$;
COMMENT ON FUNCTION msgstatus.waiting_since(text) IS 'The time since which a message waits for a callback, for delivery or for reading, as an SQL expression';

CREATE FUNCTION msgstatus.waiting_messages(sees_all boolean, waiting text, older_than interval, page_size bigint, after text)
RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    filter msgstatus.message_filter;
BEGIN
    IF page_size < 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'page_size must not be negative';
    END IF;
    filter.waiting := waiting;
    RETURN QUERY SELECT p.* FROM msgstatus.log_page_by_hour(sees_all, filter,
        concat(msgstatus.message_conditions(filter), ' AND ', msgstatus.waiting_since(waiting), format(' <= %L', now() - older_than),
            ' AND direction IS DISTINCT FROM ''inbound'''),
        msgstatus.log_position(after), COALESCE(page_size, 9223372036854775807)) AS p;
END
$$;
COMMENT ON FUNCTION msgstatus.waiting_messages(boolean, text, interval, bigint, text) IS
    'A page of the messages that have waited for this long, newest first';

CREATE FUNCTION msgstatus.read_undelivered_messages(sees_all boolean, older_than interval, page_size bigint, after text)
RETURNS SETOF msgstatus.message_log_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.waiting_messages($1, 'delivery', $2, $3, $4)
$$;
COMMENT ON FUNCTION msgstatus.read_undelivered_messages(boolean, interval, bigint, text) IS 'undelivered_messages() for the owner of the tables';

CREATE FUNCTION msgstatus.undelivered_messages(
    older_than interval DEFAULT '5 minutes', page_size bigint DEFAULT 100, after text DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.undelivered_messages(interval, bigint, text) IS
    'The messages that a provider accepted this long ago and that were neither delivered nor failed, newest first; addresses as in message_log';

CREATE FUNCTION msgstatus.read_unread_messages(sees_all boolean, older_than interval, page_size bigint, after text)
RETURNS SETOF msgstatus.message_log_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.waiting_messages($1, 'reading', $2, $3, $4)
$$;
COMMENT ON FUNCTION msgstatus.read_unread_messages(boolean, interval, bigint, text) IS 'unread_messages() for the owner of the tables';

CREATE FUNCTION msgstatus.unread_messages(
    older_than interval DEFAULT '1 day', page_size bigint DEFAULT 100, after text DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.unread_messages(interval, bigint, text) IS
    'The messages that were delivered this long ago and were not read, newest first; addresses as in message_log';

CREATE FUNCTION msgstatus.read_stuck_messages(sees_all boolean, older_than interval, page_size bigint, after text)
RETURNS SETOF msgstatus.message_log_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.waiting_messages($1, 'callback', $2, $3, $4)
$$;
COMMENT ON FUNCTION msgstatus.read_stuck_messages(boolean, interval, bigint, text) IS 'stuck_messages() for the owner of the tables';

CREATE FUNCTION msgstatus.stuck_messages(
    older_than interval DEFAULT '15 minutes', page_size bigint DEFAULT 100, after text DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.stuck_messages(interval, bigint, text) IS
    'The outgoing messages that were registered this long ago and have no callback, newest first; addresses as in message_log';

CREATE FUNCTION msgstatus.count_undelivered(older_than interval, from_hour timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Messages created before the hour of the limit have waited long enough; later messages must be looked at one by one. So
    -- must those in hours from which messages were purged: the rollups still count the purged messages.
    WITH counted AS MATERIALIZED (
        SELECT GREATEST($2, w.purged_before) AS since, date_trunc('hour', now() - $1, 'UTC') AS before
        FROM msgstatus.maintenance AS w
    )
    SELECT COALESCE((
            SELECT sum(r.in_accepted + r.in_queued + r.in_sending + r.in_sent) FROM msgstatus.hour_rollup AS r
            WHERE r.hour >= (SELECT c.since FROM counted AS c) AND r.hour < (SELECT c.before FROM counted AS c) AND NOT r.inbound), 0)
        + (SELECT count(*) FROM msgstatus.message AS m
            WHERE m.created_at >= (SELECT GREATEST(c.since, c.before) FROM counted AS c)
                AND msgstatus.state(m.status) >= 'accepted' AND msgstatus.state(m.status) <= 'sent'
                AND m.direction IS DISTINCT FROM 'inbound'
                AND LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent')) <= now() - $1)
        + (SELECT count(*) FROM msgstatus.message AS m
            WHERE m.created_at >= $2 AND m.created_at < (SELECT c.since FROM counted AS c)
                AND msgstatus.state(m.status) >= 'accepted' AND msgstatus.state(m.status) <= 'sent'
                AND m.direction IS DISTINCT FROM 'inbound'
                AND LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent')) <= now() - $1)
$$;
COMMENT ON FUNCTION msgstatus.count_undelivered(interval, timestamptz) IS
    'The number of messages created since an hour that have been undelivered for this long';

CREATE FUNCTION msgstatus.read_undelivered_count(sees_all boolean, older_than interval) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT msgstatus.count_undelivered($2, '-infinity')
$$;
COMMENT ON FUNCTION msgstatus.read_undelivered_count(boolean, interval) IS 'undelivered_count() for the owner of the tables';

CREATE FUNCTION msgstatus.undelivered_count(older_than interval DEFAULT '5 minutes') RETURNS bigint
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.undelivered_count(interval) IS
    'The number of rows of undelivered_messages(), from the rollup and, for the last hours, from the messages';
