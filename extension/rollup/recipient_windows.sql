-- Messages by recipient of the last 7 and 30 days, so that those with the most are found where no single day tells who they are.
-- Nobody tells when a message is added to an hour that was counted: as with recipient_rollup, hour_rollup tells whether the totals
-- still count the same messages.

CREATE FUNCTION msgstatus.install_recipient_windows() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.recipient_total (
        days integer NOT NULL,
        recipient text COLLATE "C" NOT NULL,
        messages integer NOT NULL,
        PRIMARY KEY (days, recipient)
    );
    IF pg_catalog.to_regclass('msgstatus.recipient_total_top') IS NULL THEN
        CREATE INDEX recipient_total_top ON msgstatus.recipient_total (days, messages DESC, recipient);
        COMMENT ON INDEX msgstatus.recipient_total_top IS 'The recipients of a window, those with most messages first';
    END IF;
    COMMENT ON TABLE msgstatus.recipient_total IS
        'Recipients with more than one message in a window of days, inbound messages aside; written by maintain(), and to be believed as far as recipient_window says';
    COMMENT ON COLUMN msgstatus.recipient_total.days IS 'The window, as in recipient_window';
    COMMENT ON COLUMN msgstatus.recipient_total.recipient IS 'As in message';
    COMMENT ON COLUMN msgstatus.recipient_total.messages IS 'The number of messages, 2 or more';

    CREATE TABLE IF NOT EXISTS msgstatus.recipient_window (
        days integer PRIMARY KEY,
        first_day date NOT NULL,
        counted_before timestamptz NOT NULL,
        messages bigint NOT NULL,
        recipients bigint NOT NULL
    );
    COMMENT ON TABLE msgstatus.recipient_window IS
        'The windows that recipient_total counts. One is right while hour_rollup still counts the same messages';
    COMMENT ON COLUMN msgstatus.recipient_window.days IS 'The length in days of UTC, including today';
    COMMENT ON COLUMN msgstatus.recipient_window.first_day IS 'The day with which the messages that are counted begin';
    COMMENT ON COLUMN msgstatus.recipient_window.counted_before IS 'The hour before which they end';
    COMMENT ON COLUMN msgstatus.recipient_window.messages IS
        'How many messages that were, with those that are in no total: inbound, without a recipient, or the only one of a recipient';
    COMMENT ON COLUMN msgstatus.recipient_window.recipients IS 'The sum of 40-bit hashes of their recipients, as in hour_rollup';
END
$$;
COMMENT ON FUNCTION msgstatus.install_recipient_windows() IS 'Makes the tables recipient_total and recipient_window; called by install()';

CREATE FUNCTION msgstatus.right_windows() RETURNS TABLE (days integer, first_day date, counted_before timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.days, w.first_day, w.counted_before
    FROM msgstatus.recipient_window AS w
    WHERE (w.messages, w.recipients) = (
        SELECT COALESCE(sum(r.messages), 0), COALESCE(sum(r.recipients), 0) FROM msgstatus.hour_rollup AS r
        WHERE r.hour >= w.first_day::timestamp AT TIME ZONE 'UTC' AND r.hour < w.counted_before)
$$;
COMMENT ON FUNCTION msgstatus.right_windows() IS 'The windows in recipient_total whose messages are still as they were counted';

-- Adds the messages of a time to a window, or takes them away. Who is in no total has at most one message in the window, so only
-- for these are the earlier messages looked up.
CREATE FUNCTION msgstatus.move_window(days integer, sign integer, from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off AS $$
    WITH kept AS MATERIALIZED (
        SELECT w.first_day::timestamp AT TIME ZONE 'UTC' AS beginning FROM msgstatus.recipient_window AS w WHERE w.days = $1
    ), counted AS MATERIALIZED (
        -- Of what comes in, the recipient is the business itself.
        SELECT CASE WHEN m.direction = 'inbound' THEN NULL ELSE m.recipient END AS recipient, count(*)::integer AS messages
        FROM msgstatus.message AS m
        WHERE m.created_at >= from_time AND m.created_at < to_time
        GROUP BY 1
    ), moved AS MATERIALIZED (
        SELECT c.recipient, COALESCE(t.messages, e.messages) + sign * c.messages AS messages
        FROM counted AS c
        LEFT JOIN msgstatus.recipient_total AS t ON t.days = $1 AND t.recipient = c.recipient
        CROSS JOIN LATERAL (
            SELECT count(*)::integer AS messages
            FROM msgstatus.message AS m
            WHERE t.recipient IS NULL AND sign > 0 AND from_time > (SELECT k.beginning FROM kept AS k)
                AND m.recipient = c.recipient AND m.direction IS DISTINCT FROM 'inbound'
                AND m.created_at >= (SELECT k.beginning FROM kept AS k) AND m.created_at < from_time
        ) AS e
        WHERE c.recipient IS NOT NULL
    ), gone AS (
        DELETE FROM msgstatus.recipient_total AS t USING moved AS n
        WHERE n.messages < 2 AND t.days = $1 AND t.recipient = n.recipient
    ), listed AS (
        INSERT INTO msgstatus.recipient_total (days, recipient, messages)
        SELECT $1, n.recipient, n.messages FROM moved AS n WHERE n.messages > 1
        ON CONFLICT (days, recipient) DO UPDATE SET messages = excluded.messages
    ), summed AS (
        SELECT COALESCE(sum(c.messages), 0) AS messages,
            COALESCE(sum(c.messages * (hashtextextended(c.recipient, 0) & 1099511627775)), 0) AS recipients
        FROM counted AS c
    )
    UPDATE msgstatus.recipient_window AS w
    SET messages = w.messages + sign * s.messages, recipients = w.recipients + sign * s.recipients,
        first_day = CASE WHEN sign > 0 THEN w.first_day ELSE (to_time AT TIME ZONE 'UTC')::date END,
        counted_before = CASE WHEN sign > 0 THEN to_time ELSE w.counted_before END
    FROM summed AS s
    WHERE w.days = $1
    RETURNING s.messages::bigint
$$;
COMMENT ON FUNCTION msgstatus.move_window(integer, integer, timestamptz, timestamptz) IS
    'Adds the messages of a time after a window to recipient_total (sign 1), or takes those away with which it begins (sign -1); returns how many';

CREATE FUNCTION msgstatus.count_windows(max_messages integer DEFAULT 500000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    settings msgstatus.maintenance;
    -- Calls that began before the hour was over may still bring messages to it.
    counted_to CONSTANT timestamptz := date_trunc('hour', now() - interval '5 minutes', 'UTC');
    length integer;
    begins date;
    midnight timestamptz;
    this msgstatus.recipient_window;
    counted bigint := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.count_windows', 0)) THEN
        RETURN 0;
    END IF;
    -- A window whose messages are purged meanwhile would be counted in part.
    SELECT * INTO STRICT settings FROM msgstatus.maintenance FOR NO KEY UPDATE;
    FOREACH length IN ARRAY '{7,30}'::integer[] LOOP
        begins := (now() AT TIME ZONE 'UTC')::date - (length - 1);
        midnight := begins::timestamp AT TIME ZONE 'UTC';
        SELECT w.* INTO this FROM msgstatus.recipient_window AS w
        WHERE w.days = length AND w.first_day <= begins AND w.counted_before > midnight AND w.days IN (SELECT r.days FROM msgstatus.right_windows() AS r);
        IF NOT FOUND THEN
            DELETE FROM msgstatus.recipient_total WHERE days = length;
            DELETE FROM msgstatus.recipient_window WHERE days = length;
            CONTINUE WHEN midnight < settings.purged_before OR begins < ((now() - settings.recipients_kept) AT TIME ZONE 'UTC')::date;
            INSERT INTO msgstatus.recipient_window VALUES (length, begins, midnight, 0, 0) RETURNING * INTO this;
        END IF;
        WHILE counted < count_windows.max_messages AND (this.first_day < begins OR this.counted_before < counted_to) LOOP
            IF this.first_day < begins THEN
                midnight := this.first_day::timestamp AT TIME ZONE 'UTC';
                counted := counted + msgstatus.move_window(length, -1, midnight, midnight + interval '24 hours');
            ELSE
                counted := counted + msgstatus.move_window(length, 1, this.counted_before, LEAST(counted_to, (
                    SELECT min(h.hour) + interval '1 hour'
                    FROM (SELECT r.hour, sum(sum(r.messages)) OVER (ORDER BY r.hour) AS messages FROM msgstatus.hour_rollup AS r
                        WHERE r.hour >= this.counted_before GROUP BY r.hour) AS h
                    WHERE h.messages >= count_windows.max_messages - counted)));
            END IF;
            SELECT * INTO this FROM msgstatus.recipient_window WHERE days = length;
        END LOOP;
    END LOOP;
    RETURN counted;
END
$$;
COMMENT ON FUNCTION msgstatus.count_windows(integer) IS
    'Counts messages by recipient in the last 7 and 30 days into recipient_total: brings what is right up to the last full hour, and counts the rest anew; stops after about so many messages, and returns how many it counted';
