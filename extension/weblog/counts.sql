-- weblog_stats() and weblog_volumes(): how many messages there are under a filter, and what became of them.
--
-- Whole hours are counted by the rollups; messages are counted themselves where message_stats() does so, and so both agree with
-- message_log(). Outcomes are those of outcome_states().

CREATE TYPE msgstatus.weblog_counts AS (
    at timestamptz,
    total bigint,
    received bigint,
    attempted bigint,
    sent bigint,
    delivered bigint,
    read bigint,
    failed bigint,
    pending bigint,
    states jsonb
);
COMMENT ON TYPE msgstatus.weblog_counts IS 'What weblog_stats() and weblog_volumes() count, of a time';

CREATE FUNCTION msgstatus.weblog_counts(filter msgstatus.message_filter, states msgstatus.delivery_state[], step text, zone text)
RETURNS SETOF msgstatus.weblog_counts
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dimensions CONSTANT text := msgstatus.dimension_conditions(filter);
    rollup CONSTANT text := CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END;
    first_hour CONSTANT timestamptz := GREATEST(date_trunc('hour', filter.created_from + interval '1 hour - 1 microsecond', 'UTC'),
        (SELECT w.purged_before FROM msgstatus.maintenance AS w));
    end_hour CONSTANT timestamptz := COALESCE(date_trunc('hour', filter.created_before, 'UTC'), 'infinity');
    bucket CONSTANT text := CASE step WHEN 'hour' THEN '%s' WHEN 'day' THEN 'date_trunc(''day'', %s, $4)' ELSE 'NULL::timestamptz' END;
    by_rollup text;
    by_message text;
BEGIN
    SELECT format('
            SELECT r.at, r.inbound, s.measure, s.messages
            FROM (SELECT %s AS at, %s AS inbound, sum(messages) AS messages, sum(sent) AS sent, %s
                FROM msgstatus.%I WHERE hour >= $2 AND hour < $3 %s GROUP BY 1, 2) AS r,
                LATERAL (VALUES (''*'', r.sent), %s, (NULL, r.messages - %s)) AS s (measure, messages)',
            format(bucket, 'hour'), CASE dimensions WHEN '' THEN 'inbound' ELSE 'direction IS NOT DISTINCT FROM ''inbound''' END,
            string_agg(format('sum(in_%1$s) AS in_%1$s', s::text), ', '), rollup, dimensions,
            string_agg(format('(%L, r.in_%1$s)', s::text), ', '), string_agg(format('r.in_%s', s::text), ' - '))
    INTO by_rollup
    FROM unnest(msgstatus.delivery_states()) AS s;
    by_message := format('
        SELECT m.at, m.inbound, s.measure, s.messages
        FROM (SELECT %s AS at, direction IS NOT DISTINCT FROM ''inbound'' AS inbound, msgstatus.state(status)::text AS state,
                msgstatus.reached_at(status, ''sent'') IS NOT NULL AS was_sent, count(*) AS messages
            FROM msgstatus.message WHERE true %s%%s GROUP BY 1, 2, 3, 4) AS m,
            LATERAL (VALUES (''*'', CASE WHEN m.was_sent AND NOT m.inbound THEN m.messages ELSE 0 END), (m.state, m.messages)) AS s (measure, messages)',
        format(bucket, 'date_trunc(''hour'', created_at, ''UTC'')'), replace(msgstatus.message_conditions(filter), '%', '%%'));
    RETURN QUERY EXECUTE concat('
        WITH counted AS MATERIALIZED (', CASE
            WHEN filter.recipient_prefix IS NOT NULL OR filter.metadata_text IS NOT NULL OR first_hour >= end_hour THEN format(by_message, '')
            ELSE concat_ws(' UNION ALL ', by_rollup,
                CASE WHEN COALESCE(filter.created_from < first_hour, first_hour > '-infinity') THEN format(by_message, ' AND created_at < $2') END,
                CASE WHEN filter.created_before > end_hour THEN format(by_message, ' AND created_at >= $3') END)
            END, '
        ), grouped AS (
            SELECT c.at, c.inbound, c.measure, sum(c.messages)::bigint AS messages,
                c.measure IS DISTINCT FROM ''*'' AND ($5 IS NULL OR COALESCE(c.measure = ANY ($5), false)) AS wanted
            FROM counted AS c GROUP BY c.at, c.inbound, c.measure HAVING sum(c.messages) > 0
        )
        SELECT g.at,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted), 0)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND g.inbound), 0)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($6)), 0)::bigint,
            -- The rollups count those that were sent whatever their state. Which of them failed, or were canceled or skipped, they do
            -- not tell apart.
            (COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($11)), 0)
                + CASE WHEN $5 IS NULL OR $5 @> $12 THEN COALESCE(sum(g.messages) FILTER (WHERE g.measure = ''*''), 0)
                    - COALESCE(sum(g.messages) FILTER (WHERE NOT g.inbound AND g.measure = ANY ($11)), 0)
                WHEN NOT $5 && $12 THEN 0 END)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($7)), 0)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($8)), 0)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($9)), 0)::bigint,
            COALESCE(sum(g.messages) FILTER (WHERE g.wanted AND NOT g.inbound AND g.measure = ANY ($10)), 0)::bigint,
            (SELECT jsonb_object_agg(COALESCE(s.measure, ''none''), s.messages)
                FROM (SELECT o.measure, sum(o.messages) AS messages FROM grouped AS o
                    WHERE o.at IS NOT DISTINCT FROM g.at AND o.wanted GROUP BY o.measure) AS s)
        FROM grouped AS g
        GROUP BY g.at
        ORDER BY g.at')
    USING filter, first_hour, end_hour, zone, states::text[], msgstatus.outcome_states('attempted')::text[],
        msgstatus.outcome_states('delivered')::text[], msgstatus.outcome_states('read')::text[], msgstatus.outcome_states('failed')::text[],
        msgstatus.outcome_states('waiting')::text[], '{sent,partially_delivered,undelivered,delivered,read,played}'::text[],
        '{skipped,canceled,failed}'::text[];
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_counts(msgstatus.message_filter, msgstatus.delivery_state[], text, text) IS
    'Counts the messages in some states under a filter, at once or by hour or day of a time zone';

CREATE FUNCTION msgstatus.read_weblog_stats(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request msgstatus.weblog_request;
    f msgstatus.message_filter;
    c msgstatus.weblog_counts;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names());
    request := msgstatus.weblog_request(sees_all, parameters);
    f := request.filter;
    PERFORM msgstatus.check_metadata_text(f);
    IF f.recipient_prefix IS NOT NULL AND f.metadata_text IS NULL AND NOT (msgstatus.recipients_found(f)).few THEN
        -- Many recipients that begin alike: message_stats() knows how to count these soon.
        SELECT sum(s.total), sum(s.attempted), sum(s.delivered), sum(s.read), sum(s.failed)
        INTO c.total, c.attempted, c.delivered, c.read, c.failed
        FROM unnest(COALESCE(request.states, '{NULL}')) AS w (state), LATERAL msgstatus.read_message_stats(sees_all, w.state::text, f.message_type,
            f.provider, f.direction, f.recipient_prefix, f.campaign_id, f.created_from, f.created_before, NULL) AS s;
    ELSE
        SELECT * INTO c FROM msgstatus.weblog_counts(f, request.states, NULL, NULL);
        IF NOT FOUND THEN
            c := ROW(NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL);
        END IF;
    END IF;
    RETURN to_jsonb(c) - 'at' || jsonb_build_object('success_rate', msgstatus.percentage(c.delivered, c.total),
        'delivery_rate', msgstatus.percentage(c.delivered, c.attempted), 'read_rate', msgstatus.percentage(c.read, c.delivered),
        'states', COALESCE(c.states, '{}'));
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_stats(boolean, jsonb) IS 'weblog_stats() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_stats(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_stats(jsonb) IS
    'For the web log: the number of messages under a filter, by outcome and by state, and their rates; raises what weblog_messages() raises';

CREATE FUNCTION msgstatus.read_weblog_volumes(sees_all boolean, parameters jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    longest CONSTANT interval := '1100 days';
    nothing CONSTANT msgstatus.weblog_counts := ROW(NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL);
    request msgstatus.weblog_request;
    f msgstatus.message_filter;
    zone text := COALESCE(msgstatus.weblog_text(parameters, 'zone'), 'UTC');
    step text;
    first timestamptz;
    last timestamptz;
    buckets jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, VARIADIC msgstatus.weblog_filter_names() || '{zone}'::text[]);
    request := msgstatus.weblog_request(sees_all, parameters);
    f := request.filter;
    PERFORM msgstatus.check_metadata_text(f);
    BEGIN
        PERFORM now() AT TIME ZONE zone;
    EXCEPTION
        WHEN invalid_parameter_value THEN
            RAISE invalid_parameter_value USING MESSAGE = format('there is no time zone "%s"', left(zone, 100));
    END;
    last := LEAST(f.created_before - interval '1 microsecond', GREATEST(now(), (SELECT max(m.created_at) FROM msgstatus.message AS m)));
    first := GREATEST(COALESCE(f.created_from, (SELECT min(m.created_at) FROM msgstatus.message AS m), last), last - longest);
    IF first > last THEN
        first := last;
    END IF;
    f.created_from := GREATEST(f.created_from, first);
    step := CASE WHEN last - first <= interval '3 days' THEN 'hour' ELSE 'day' END;
    IF f.recipient_prefix IS NULL OR f.metadata_text IS NOT NULL OR (msgstatus.recipients_found(f)).few THEN
        SELECT jsonb_agg(to_jsonb(COALESCE(c, nothing)) || jsonb_build_object('at', b.at, 'delivery_rate', msgstatus.percentage(c.delivered, c.attempted),
            'read_rate', msgstatus.percentage(c.read, c.delivered), 'states', COALESCE(c.states, '{}')) ORDER BY b.at)
        INTO buckets
        FROM (
            SELECT CASE step WHEN 'hour' THEN g AT TIME ZONE 'UTC' ELSE g AT TIME ZONE zone END AS at
            FROM generate_series(date_trunc(step, first AT TIME ZONE CASE step WHEN 'hour' THEN 'UTC' ELSE zone END),
                last AT TIME ZONE CASE step WHEN 'hour' THEN 'UTC' ELSE zone END, ('1 ' || step)::interval) AS g
        ) AS b
        LEFT JOIN msgstatus.weblog_counts(f, request.states, step, zone) AS c ON c.at = b.at;
    END IF;
    RETURN jsonb_build_object('step', step, 'zone', zone, 'from', first, 'to', last, 'buckets', COALESCE(buckets, '[]'), 'too_many', buckets IS NULL);
END
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_volumes(boolean, jsonb) IS 'weblog_volumes() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_volumes(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_volumes(jsonb) IS
    'For the web log: what weblog_stats() counts, by hour for at most three days, else by day of a time zone; raises what weblog_messages() raises';
