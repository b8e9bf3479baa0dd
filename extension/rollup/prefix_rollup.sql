-- Outgoing messages by the first characters of their recipients and by state. Every change of a message would change a row
-- here, too many for those who write, so maintain() counts whole hours and days. hour_rollup, which is right at every commit, tells
-- whether the messages of a period are still as they were counted; the other periods have to be counted from the messages. Of seven
-- and eight characters there are rows where they have many messages in the period; those of a period without a row are few.

CREATE FUNCTION msgstatus.install_prefix_rollup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.prefix_rollup (
        beginning timestamptz NOT NULL,
        prefix text COLLATE "C" NOT NULL,
        messages integer NOT NULL,
        in_processing integer NOT NULL,
        in_received integer NOT NULL,
        in_pending integer NOT NULL,
        in_scheduled integer NOT NULL,
        in_accepted integer NOT NULL,
        in_queued integer NOT NULL,
        in_sending integer NOT NULL,
        in_sent integer NOT NULL,
        in_partially_delivered integer NOT NULL,
        in_skipped integer NOT NULL,
        in_canceled integer NOT NULL,
        in_failed integer NOT NULL,
        in_undelivered integer NOT NULL,
        in_delivered integer NOT NULL,
        in_read integer NOT NULL,
        in_played integer NOT NULL,
        PRIMARY KEY (prefix, beginning)
    );
    IF pg_catalog.to_regclass('msgstatus.prefix_rollup_beginning') IS NULL THEN
        CREATE INDEX prefix_rollup_beginning ON msgstatus.prefix_rollup (beginning);
        COMMENT ON INDEX msgstatus.prefix_rollup_beginning IS 'The rows of a period';
    END IF;
    IF pg_catalog.to_regclass('msgstatus.prefix_rollup_short') IS NULL THEN
        CREATE INDEX prefix_rollup_short ON msgstatus.prefix_rollup (prefix, beginning) WHERE length(prefix) <= 6;
        COMMENT ON INDEX msgstatus.prefix_rollup_short IS 'The rows that count all messages, without those of longer beginnings';
    END IF;
    COMMENT ON TABLE msgstatus.prefix_rollup IS
        'Outgoing messages counted by period, first characters of the recipient, and state; written by maintain(), and to be believed as far as prefix_period says';
    PERFORM msgstatus.install_rollup_comments('prefix_rollup');
    COMMENT ON COLUMN msgstatus.prefix_rollup.beginning IS 'The beginning of the period of creation, an hour or a day of UTC';
    COMMENT ON COLUMN msgstatus.prefix_rollup.prefix IS 'The first six characters of the recipient; the first seven or eight where the period has 100 messages with them';

    CREATE TABLE IF NOT EXISTS msgstatus.prefix_period (
        beginning timestamptz PRIMARY KEY,
        ending timestamptz NOT NULL,
        sums bigint[] NOT NULL
    );
    COMMENT ON TABLE msgstatus.prefix_period IS
        'The periods that prefix_rollup counts. One is right while hour_rollup still counts the same outgoing messages';
    COMMENT ON COLUMN msgstatus.prefix_period.beginning IS 'As in prefix_rollup';
    COMMENT ON COLUMN msgstatus.prefix_period.ending IS 'The end of the period';
    COMMENT ON COLUMN msgstatus.prefix_period.sums IS
        'How many messages that were, the sum of 40-bit hashes of their recipients, and how many were in each state, from processing to played';
END
$$;
COMMENT ON FUNCTION msgstatus.install_prefix_rollup() IS 'Makes the tables prefix_rollup and prefix_period; called by install()';

CREATE FUNCTION msgstatus.prefix_periods(right_ones boolean) RETURNS TABLE (beginning timestamptz, ending timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.beginning, p.ending
    FROM msgstatus.prefix_period AS p,
        LATERAL (
            SELECT ARRAY[COALESCE(sum(r.messages), 0), COALESCE(sum(r.recipients), 0),
                COALESCE(sum(r.in_processing), 0), COALESCE(sum(r.in_received), 0), COALESCE(sum(r.in_pending), 0),
                COALESCE(sum(r.in_scheduled), 0), COALESCE(sum(r.in_accepted), 0), COALESCE(sum(r.in_queued), 0),
                COALESCE(sum(r.in_sending), 0), COALESCE(sum(r.in_sent), 0),
                COALESCE(sum(r.in_partially_delivered), 0), COALESCE(sum(r.in_skipped), 0),
                COALESCE(sum(r.in_canceled), 0), COALESCE(sum(r.in_failed), 0), COALESCE(sum(r.in_undelivered), 0),
                COALESCE(sum(r.in_delivered), 0), COALESCE(sum(r.in_read), 0), COALESCE(sum(r.in_played), 0)]::bigint[] AS sums
            FROM msgstatus.hour_rollup AS r
            WHERE r.hour >= p.beginning AND r.hour < p.ending AND NOT r.inbound
        ) AS s
    WHERE (p.sums = s.sums) = right_ones
$$;
COMMENT ON FUNCTION msgstatus.prefix_periods(boolean) IS
    'The periods in prefix_rollup whose messages are still as they were counted, or the others';

CREATE FUNCTION msgstatus.count_prefixes(max_messages integer DEFAULT 500000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    -- Calls that began before the hour was over may still bring messages to it.
    counted_to CONSTANT timestamptz := date_trunc('hour', now() - interval '5 minutes', 'UTC');
    -- The messages of an hour change mostly in the hours after it, and then the whole period is counted anew.
    days_to CONSTANT timestamptz := date_trunc('day', counted_to - interval '48 hours', 'UTC');
    counted_from timestamptz;
    outdated timestamptz[];
    period record;
    counted bigint := 0;
    counted_of_period bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.count_prefixes', 0)) THEN
        RETURN 0;
    END IF;
    -- A period whose messages are purged meanwhile would be counted in part.
    SELECT w.purged_before INTO STRICT counted_from FROM msgstatus.maintenance AS w FOR NO KEY UPDATE;
    SELECT array_agg(p.beginning) INTO outdated
    FROM msgstatus.prefix_period AS p
    WHERE p.beginning IN (SELECT w.beginning FROM msgstatus.prefix_periods(false) AS w)
        OR p.beginning < counted_from
        -- Hours that become a part of their day.
        OR p.ending - p.beginning < interval '24 hours' AND p.beginning < days_to
            AND date_trunc('day', p.beginning, 'UTC') >= counted_from;
    DELETE FROM msgstatus.prefix_rollup WHERE beginning = ANY (outdated);
    DELETE FROM msgstatus.prefix_period WHERE beginning = ANY (outdated);

    -- The latest first: they are asked for most.
    FOR period IN
        SELECT b.beginning, b.beginning + CASE WHEN b.day THEN interval '24 hours' ELSE interval '1 hour' END AS ending
        FROM (
            SELECT DISTINCT d.day, CASE WHEN d.day THEN d.midnight ELSE h.hour END AS beginning
            FROM (SELECT r.hour, date_trunc('day', r.hour, 'UTC') AS midnight FROM msgstatus.hour_rollup AS r
                WHERE NOT r.inbound AND r.hour >= counted_from AND r.hour < counted_to
                GROUP BY r.hour HAVING sum(r.messages) > 0) AS h,
                LATERAL (SELECT h.midnight, h.midnight < days_to AND h.midnight >= counted_from AS day) AS d
        ) AS b
        WHERE NOT EXISTS (SELECT FROM msgstatus.prefix_period AS p WHERE p.beginning = b.beginning)
        ORDER BY b.beginning DESC
    LOOP
        EXIT WHEN counted >= count_prefixes.max_messages;
        WITH by_state AS MATERIALIZED (
            SELECT left(m.recipient, 8) AS prefix, msgstatus.state(m.status) AS state, count(*)::integer AS messages,
                sum(hashtextextended(m.recipient, 0) & 1099511627775)::bigint AS recipients
            FROM msgstatus.message AS m
            WHERE m.created_at >= period.beginning AND m.created_at < period.ending AND m.direction IS DISTINCT FROM 'inbound'
            GROUP BY 1, 2
        ), counted AS MATERIALIZED (
            -- With more than six characters only what many messages share: else there would be as many rows as messages.
            SELECT left(s.prefix, l.length) AS prefix, l.length, sum(s.messages) AS messages, sum(s.recipients) FILTER (WHERE l.length = 6) AS recipients,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'processing'), 0) AS in_processing,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'received'), 0) AS in_received,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'pending'), 0) AS in_pending,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'scheduled'), 0) AS in_scheduled,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'accepted'), 0) AS in_accepted,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'queued'), 0) AS in_queued,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'sending'), 0) AS in_sending,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'sent'), 0) AS in_sent,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'partially_delivered'), 0) AS in_partially_delivered,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'skipped'), 0) AS in_skipped,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'canceled'), 0) AS in_canceled,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'failed'), 0) AS in_failed,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'undelivered'), 0) AS in_undelivered,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'delivered'), 0) AS in_delivered,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'read'), 0) AS in_read,
                COALESCE(sum(s.messages) FILTER (WHERE s.state = 'played'), 0) AS in_played
            FROM by_state AS s, generate_series(6, 8) AS l (length)
            WHERE l.length = 6 OR length(s.prefix) >= l.length
            GROUP BY 1, 2
            HAVING l.length = 6 OR sum(s.messages) >= 100
        ), listed AS (
            INSERT INTO msgstatus.prefix_rollup (beginning, prefix, messages,
                in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending, in_sent,
                in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered, in_read,
                in_played)
            SELECT period.beginning, c.prefix, c.messages,
                c.in_processing, c.in_received, c.in_pending, c.in_scheduled, c.in_accepted, c.in_queued,
                c.in_sending, c.in_sent, c.in_partially_delivered, c.in_skipped, c.in_canceled, c.in_failed,
                c.in_undelivered, c.in_delivered, c.in_read, c.in_played
            FROM counted AS c WHERE c.prefix IS NOT NULL
            ORDER BY c.length
        ), summed AS (
            INSERT INTO msgstatus.prefix_period (beginning, ending, sums)
            SELECT period.beginning, period.ending, ARRAY[COALESCE(sum(c.messages), 0), COALESCE(sum(c.recipients), 0),
                COALESCE(sum(c.in_processing), 0), COALESCE(sum(c.in_received), 0), COALESCE(sum(c.in_pending), 0),
                COALESCE(sum(c.in_scheduled), 0), COALESCE(sum(c.in_accepted), 0), COALESCE(sum(c.in_queued), 0),
                COALESCE(sum(c.in_sending), 0), COALESCE(sum(c.in_sent), 0),
                COALESCE(sum(c.in_partially_delivered), 0), COALESCE(sum(c.in_skipped), 0),
                COALESCE(sum(c.in_canceled), 0), COALESCE(sum(c.in_failed), 0), COALESCE(sum(c.in_undelivered), 0),
                COALESCE(sum(c.in_delivered), 0), COALESCE(sum(c.in_read), 0), COALESCE(sum(c.in_played), 0)]
            FROM counted AS c WHERE c.length = 6
        )
        SELECT COALESCE(sum(c.messages), 0) INTO counted_of_period FROM counted AS c WHERE c.length = 6;
        counted := counted + counted_of_period;
    END LOOP;
    RETURN counted;
END
$$;
COMMENT ON FUNCTION msgstatus.count_prefixes(integer) IS
    'Counts outgoing messages by period and beginning of their recipients into prefix_rollup: what is over, and what changed since anew; stops after about so many messages, and returns how many it counted';
