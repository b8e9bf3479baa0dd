-- Created by install(): the summaries by day, week and month.

CREATE FUNCTION msgstatus.install_summary_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    summary record;
BEGIN
    FOR summary IN SELECT * FROM (VALUES ('daily_summary', 'day'), ('weekly_summary', 'week'), ('monthly_summary', 'month')) AS v (name, unit)
    LOOP
        EXECUTE format($view$
            CREATE OR REPLACE VIEW msgstatus.%1$I AS
            WITH p AS (
                SELECT s.%2$I,
                    s.total_messages,
                    s.sent,
                    s.delivered,
                    s.read,
                    s.failed,
                    s.attempted,
                    msgstatus.percentage(s.delivered, s.attempted) AS delivery_rate,
                    msgstatus.percentage(s.read, s.delivered) AS read_rate,
                    msgstatus.seconds(msgstatus.average(s.delivery)) AS avg_delivery_seconds
                FROM (
                    SELECT date_trunc(%2$L, r.hour)::date AS %2$I,
                        sum(r.messages)::bigint AS total_messages,
                        sum(r.sent)::bigint AS sent,
                        sum(r.delivered)::bigint AS delivered,
                        sum(r.read)::bigint AS read,
                        sum(r.failed)::bigint AS failed,
                        sum(r.attempted)::bigint AS attempted,
                        msgstatus.sum(r.delivery) AS delivery
                    FROM msgstatus.hour_rollup AS r
                    GROUP BY date_trunc(%2$L, r.hour)::date
                    HAVING sum(r.messages) > 0
                ) AS s
            )
            SELECT p.%2$I,
                p.total_messages,
                p.sent,
                p.delivered,
                p.read,
                p.failed,
                p.delivery_rate,
                p.read_rate,
                p.avg_delivery_seconds,
                msgstatus.percentage(p.total_messages - b.total_messages, b.total_messages) AS total_messages_change,
                p.delivery_rate - b.delivery_rate AS delivery_rate_change,
                p.read_rate - b.read_rate AS read_rate_change,
                p.attempted
            FROM p
            LEFT JOIN p AS b ON b.%2$I = (p.%2$I - interval %3$L)::date
            ORDER BY p.%2$I DESC $view$, summary.name, summary.unit, '1 ' || summary.unit);
        EXECUTE format('COMMENT ON VIEW msgstatus.%I IS %L', summary.name,
            format('By %s: messages, their outcomes, and the change from the %1$s before', summary.unit));
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_summary_views() IS
    'Creates the views daily_summary, weekly_summary and monthly_summary; called by install()';
