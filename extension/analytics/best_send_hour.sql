-- When recipients read: the best hours for all recipients, and the best hour for one of them.

CREATE TYPE msgstatus.send_hour_row AS (
    weekday integer,
    hour integer,
    messages bigint,
    delivered bigint,
    read bigint,
    read_rate numeric
);
COMMENT ON TYPE msgstatus.send_hour_row IS 'A row of best_send_hours()';

CREATE FUNCTION msgstatus.read_best_send_hours(sees_all boolean, time_zone text) RETURNS SETOF msgstatus.send_hour_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.weekday, h.hour, h.messages, h.delivered, h.read, msgstatus.percentage(h.read, h.delivered)
    FROM (
        SELECT extract(isodow FROM r.hour AT TIME ZONE $2)::integer AS weekday,
            extract(hour FROM r.hour AT TIME ZONE $2)::integer AS hour,
            sum(r.outbound)::bigint AS messages,
            sum(r.delivered)::bigint AS delivered,
            sum(r.read)::bigint AS read
        FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= date_trunc('hour', now(), 'UTC') - interval '2160 hours'
        GROUP BY 1, 2
    ) AS h
    WHERE h.messages > 0
    ORDER BY 6 DESC NULLS LAST, h.delivered DESC, h.weekday, h.hour
$$;
COMMENT ON FUNCTION msgstatus.read_best_send_hours(boolean, text) IS 'best_send_hours() for the owner of the tables';

CREATE FUNCTION msgstatus.best_send_hours(time_zone text DEFAULT current_setting('TimeZone')) RETURNS SETOF msgstatus.send_hour_row
    LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_totals_as_owner';
COMMENT ON FUNCTION msgstatus.best_send_hours(text) IS
    'The outgoing messages of the last 90 days and how many were read, by weekday (1 is Monday) and hour of creation in a time zone, the best first; 22023 for an unknown time zone';

CREATE FUNCTION msgstatus.read_best_send_hour(sees_all boolean, recipient text, time_zone text) RETURNS integer
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- The answer differs for numbers that got messages, so a role that may ask about any number could find out which numbers
    -- there are.
    IF NOT sees_all THEN
        RAISE insufficient_privilege USING MESSAGE = 'best_send_hour() requires access to unmasked addresses',
            HINT = 'Roles with the level operator of msgstatus.grant_access() have this access. best_send_hours() answers for all recipients together.';
    END IF;
    RETURN (
    WITH everybody AS (
        SELECT h.hour, sum(h.delivered) AS delivered, sum(h.read) AS read
        FROM msgstatus.read_best_send_hours($1, $3) AS h
        GROUP BY h.hour
        HAVING sum(h.delivered) > 0
    ), recipient AS (
        SELECT extract(hour FROM m.created_at AT TIME ZONE $3)::integer AS hour,
            count(msgstatus.reached_at(m.status, 'delivered')) AS delivered, count(msgstatus.reached_at(m.status, 'read')) AS read
        FROM msgstatus.message AS m
        WHERE m.recipient = msgstatus.normalize_address($2) AND m.direction IS DISTINCT FROM 'inbound'
            AND m.created_at >= date_trunc('hour', now(), 'UTC') - interval '2160 hours'
        GROUP BY 1
    )
    -- Adds five messages to each hour of the recipient, read at the rate of all recipients, so that a single read message does
    -- not decide.
    SELECT e.hour
    FROM everybody AS e LEFT JOIN recipient AS r USING (hour)
    ORDER BY (COALESCE(r.read, 0) + 5.0 * e.read / e.delivered) / (COALESCE(r.delivered, 0) + 5) DESC, e.delivered DESC, e.hour
    LIMIT 1);
END
$$;
COMMENT ON FUNCTION msgstatus.read_best_send_hour(boolean, text, text) IS 'best_send_hour() for the owner of the tables';

CREATE FUNCTION msgstatus.best_send_hour(recipient text, time_zone text DEFAULT current_setting('TimeZone')) RETURNS integer
    LANGUAGE c STABLE STRICT SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.best_send_hour(text, text) IS
    'The hour of the day, in a time zone, in which a recipient most probably reads a message, by the messages to all recipients of the last 90 days; NULL if none was delivered; 22023 for an unknown time zone, 42501 without access to unmasked addresses';
