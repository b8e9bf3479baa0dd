-- message_stats(): counts of the messages that message_log() finds.

CREATE TYPE msgstatus.message_stats_row AS (
    total bigint,
    delivered bigint,
    read bigint,
    failed bigint,
    success_rate numeric
);
COMMENT ON TYPE msgstatus.message_stats_row IS 'The row of message_stats()';

CREATE FUNCTION msgstatus.read_message_stats(
    sees_all boolean, state msgstatus.delivery_state, message_type text, provider text, direction text,
    recipient_prefix text, campaign_id uuid, created_from timestamptz, created_before timestamptz, metadata_text text
) RETURNS SETOF msgstatus.message_stats_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    filter msgstatus.message_filter := msgstatus.message_filter(sees_all, state, message_type, provider, direction,
        recipient_prefix, campaign_id, created_from, created_before, metadata_text);
    dimensions text := msgstatus.dimension_conditions(filter);
    -- The whole hours within the times.
    first_hour timestamptz := COALESCE(date_trunc('hour', created_from + interval '1 hour - 1 microsecond', 'UTC'), '-infinity');
    end_hour timestamptz := COALESCE(date_trunc('hour', created_before, 'UTC'), 'infinity');
    by_message text := format('
        SELECT count(*) AS total, count(msgstatus.reached_at(status, ''delivered'')) AS delivered,
            count(msgstatus.reached_at(status, ''read'')) AS read,
            count(*) FILTER (WHERE msgstatus.is_failure(msgstatus.state(status))) AS failed
        FROM msgstatus.message WHERE true %s', msgstatus.message_conditions(filter));
    by_rollup text := format('
        SELECT sum(%s) AS total, sum(%s) AS delivered, sum(%s) AS read, sum(%s) AS failed
        FROM msgstatus.%I WHERE hour >= $2 AND hour < $3 %s',
        msgstatus.rollup_counter(filter),
        CASE WHEN state IS NULL THEN 'in_delivered + in_read + in_played'
            WHEN state >= 'delivered' THEN msgstatus.rollup_counter(filter) ELSE '0' END,
        CASE WHEN state IS NULL THEN 'in_read + in_played'
            WHEN state >= 'read' THEN msgstatus.rollup_counter(filter) ELSE '0' END,
        CASE WHEN state IS NULL THEN 'in_failed + in_undelivered'
            WHEN msgstatus.is_failure(state) THEN msgstatus.rollup_counter(filter) ELSE '0' END,
        CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END, dimensions);
BEGIN
    RETURN QUERY EXECUTE concat('
        SELECT COALESCE(sum(p.total), 0)::bigint, COALESCE(sum(p.delivered), 0)::bigint, COALESCE(sum(p.read), 0)::bigint,
            COALESCE(sum(p.failed), 0)::bigint, msgstatus.percentage(sum(p.delivered)::bigint, sum(p.total)::bigint)
        FROM (',
        CASE WHEN filter.recipient_prefix IS NOT NULL OR filter.metadata_text IS NOT NULL OR first_hour >= end_hour
            THEN by_message
            ELSE concat_ws(' UNION ALL ', by_rollup,
                CASE WHEN created_from < first_hour THEN by_message || ' AND created_at < $2' END,
                CASE WHEN created_before > end_hour THEN by_message || ' AND created_at >= $3' END)
        END, ') AS p')
    USING filter, first_hour, end_hour;
END
$$;
COMMENT ON FUNCTION msgstatus.read_message_stats(boolean, msgstatus.delivery_state, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'message_stats() for the owner of the tables';

CREATE FUNCTION msgstatus.message_stats(
    state msgstatus.delivery_state DEFAULT NULL,
    message_type text DEFAULT NULL,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    recipient_prefix text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL,
    created_from timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL,
    metadata_text text DEFAULT NULL
) RETURNS SETOF msgstatus.message_stats_row
    LANGUAGE c STABLE ROWS 1 SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.message_stats(msgstatus.delivery_state, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'The number of messages that match all filters, and how many were delivered, read or failed; success_rate is the percentage delivered';
