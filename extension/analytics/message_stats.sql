-- message_stats(): counts of the messages that message_log() finds.

CREATE TYPE msgstatus.message_stats_row AS (
    total bigint,
    delivered bigint,
    read bigint,
    failed bigint,
    success_rate numeric,
    attempted bigint,
    delivery_rate numeric,
    read_rate numeric
);
COMMENT ON TYPE msgstatus.message_stats_row IS 'The row of message_stats()';

-- Whole hours are counted by the rollups. Messages are counted themselves in the parts of hours at the ends, and in hours from
-- which messages were purged: the rollups still count these, and message_log() no longer finds them. Recipients that begin alike
-- are counted by periods of prefix_rollup, and messages themselves in the time between.
CREATE FUNCTION msgstatus.read_message_stats(
    sees_all boolean, state text, message_type text, provider text, direction text,
    recipient_prefix text, campaign_id uuid, created_from timestamptz, created_before timestamptz, metadata_text text
) RETURNS SETOF msgstatus.message_stats_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    filter msgstatus.message_filter := msgstatus.message_filter(sees_all, state, message_type, provider, direction,
        recipient_prefix, campaign_id, created_from, created_before, metadata_text);
    dimensions text := msgstatus.dimension_conditions(filter);
    first_hour timestamptz := GREATEST(date_trunc('hour', created_from + interval '1 hour - 1 microsecond', 'UTC'),
        (SELECT w.purged_before FROM msgstatus.maintenance AS w));
    end_hour timestamptz := COALESCE(date_trunc('hour', created_before, 'UTC'), 'infinity');
    counts_by_message text := '';
    prefix_counts msgstatus.prefix_count[];
    counts_by_rollup text := '';
    outcome text;
    by_message text;
    by_rollup text;
    by_prefix text;
BEGIN
    PERFORM msgstatus.check_metadata_text(filter);
    FOREACH outcome IN ARRAY '{attempted,delivered,read,failed}'::text[] LOOP
        counts_by_message := counts_by_message || format(
            ', sum(messages) FILTER (WHERE state = ANY (%L::msgstatus.delivery_state[]) AND NOT inbound) AS %I',
            msgstatus.outcome_states(outcome), outcome);
        counts_by_rollup := counts_by_rollup || format(', sum(%s) FILTER (WHERE %s) AS %I',
            CASE WHEN filter.state IS NULL THEN msgstatus.outcome_counter(outcome)
                WHEN filter.state = ANY (msgstatus.outcome_states(outcome)) THEN msgstatus.rollup_counter(filter) ELSE '0' END,
            CASE dimensions WHEN '' THEN 'NOT inbound' ELSE 'direction IS DISTINCT FROM ''inbound''' END, outcome);
    END LOOP;
    -- Grouped first, so that the state of each message is looked up once.
    by_message := format('
        SELECT sum(messages) AS total%s
        FROM (
            SELECT msgstatus.state(status) AS state, direction IS NOT DISTINCT FROM ''inbound'' AS inbound, count(*) AS messages
            FROM %%s msgstatus.message WHERE true %s%%s
            GROUP BY 1, 2
        ) AS m', counts_by_message, replace(msgstatus.message_conditions(filter), '%', '%%'));
    IF filter.recipient_prefix IS NOT NULL AND filter.metadata_text IS NULL AND dimensions = '' AND length(filter.recipient_prefix) <= 8
        AND first_hour < end_hour AND NOT (msgstatus.recipients_found(filter)).few
    THEN
        prefix_counts := ARRAY(SELECT c FROM msgstatus.prefix_counts(filter.recipient_prefix, first_hour, end_hour) AS c);
    END IF;
    -- Only if maintain() counts prefixes: reading all messages hour by hour takes longer than reading them all at once.
    IF EXISTS (SELECT FROM unnest(prefix_counts) AS c WHERE c.known AND NOT c.inbound) THEN
        by_prefix := concat(format('
            SELECT sum(%s) AS total%s FROM unnest($4) AS c WHERE known UNION ALL', msgstatus.rollup_counter(filter), counts_by_rollup),
            format(by_message, '(SELECT lower(r) AS beginning, upper(r) AS ending FROM (SELECT unnest(range_agg(tstzrange(c.beginning, c.ending))) AS r
                FROM unnest($4) AS c WHERE NOT c.known) AS g) AS gap, LATERAL (SELECT * FROM',
                ' AND created_at >= gap.beginning AND created_at < gap.ending AND direction IS DISTINCT FROM ''inbound'' OFFSET 0) AS message'));
    END IF;
    by_rollup := format('SELECT sum(%s) AS total%s FROM msgstatus.%I WHERE hour >= $2 AND hour < $3 %s',
        msgstatus.rollup_counter(filter), counts_by_rollup, CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END,
        dimensions);
    RETURN QUERY EXECUTE concat('
        SELECT s.total, s.delivered, s.read, s.failed, msgstatus.percentage(s.delivered, s.total), s.attempted,
            msgstatus.percentage(s.delivered, s.attempted), msgstatus.percentage(s.read, s.delivered)
        FROM (
            SELECT COALESCE(sum(p.total), 0)::bigint AS total, COALESCE(sum(p.attempted), 0)::bigint AS attempted,
                COALESCE(sum(p.delivered), 0)::bigint AS delivered, COALESCE(sum(p.read), 0)::bigint AS read,
                COALESCE(sum(p.failed), 0)::bigint AS failed
            FROM (',
        CASE WHEN by_prefix IS NULL AND filter.recipient_prefix IS NOT NULL OR filter.metadata_text IS NOT NULL OR first_hour >= end_hour
            THEN format(by_message, '', '')
            ELSE concat_ws(' UNION ALL ', COALESCE(by_prefix, by_rollup),
                CASE WHEN COALESCE(created_from < first_hour, first_hour > '-infinity') THEN format(by_message, '', ' AND created_at < $2') END,
                CASE WHEN created_before > end_hour THEN format(by_message, '', ' AND created_at >= $3') END)
        END, ') AS p) AS s')
    USING filter, first_hour, end_hour, prefix_counts;
END
$$;
COMMENT ON FUNCTION msgstatus.read_message_stats(boolean, text, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'message_stats() for the owner of the tables';

CREATE FUNCTION msgstatus.message_stats(
    state text DEFAULT NULL,
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
COMMENT ON FUNCTION msgstatus.message_stats(text, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'The number of messages that match all filters, how many were attempted, delivered, read or failed, and rates: success_rate of all, delivery_rate of attempted, read_rate of delivered';

CREATE FUNCTION msgstatus.message_stats(
    state msgstatus.delivery_state,
    message_type text DEFAULT NULL,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    recipient_prefix text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL,
    created_from timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL,
    metadata_text text DEFAULT NULL
) RETURNS SETOF msgstatus.message_stats_row
    LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.message_stats($1::text, $2, $3, $4, $5, $6, $7, $8, $9)
$$;
COMMENT ON FUNCTION msgstatus.message_stats(msgstatus.delivery_state, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'message_stats() for a state of the type delivery_state';
