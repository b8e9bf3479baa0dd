-- Messages by recipient and day. Nobody tells when a message is added to an hour that was counted, or gets another recipient:
-- hour_rollup, which is right at every commit, counts messages and sums hashes of recipients, and so tells whether a list still
-- holds what it was made of.

CREATE FUNCTION msgstatus.count_recipients(max_messages integer DEFAULT 500000) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    settings msgstatus.maintenance;
    -- Calls that began before the hour was over may still bring messages to it.
    counted_to CONSTANT timestamptz := date_trunc('hour', now() - interval '5 minutes', 'UTC');
    first_day date;
    this_day date;
    day_begin timestamptz;
    day_end timestamptz;
    list msgstatus.recipient_day;
    still_right boolean;
    counted bigint := 0;
    counted_of_day bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.count_recipients', 0)) THEN
        RETURN 0;
    END IF;
    -- A day whose messages are purged meanwhile would be counted in part.
    SELECT * INTO STRICT settings FROM msgstatus.maintenance FOR NO KEY UPDATE;
    first_day := ((now() - settings.recipients_kept) AT TIME ZONE 'UTC')::date;
    IF settings.purged_before > first_day::timestamp AT TIME ZONE 'UTC' THEN
        first_day := ((settings.purged_before - interval '1 microsecond') AT TIME ZONE 'UTC')::date + 1;
    END IF;
    DELETE FROM msgstatus.recipient_rollup WHERE day < first_day;
    DELETE FROM msgstatus.recipient_day WHERE day < first_day;

    -- The latest first: they are asked for most.
    this_day := (counted_to AT TIME ZONE 'UTC')::date;
    WHILE this_day >= first_day AND counted < count_recipients.max_messages LOOP
        day_begin := this_day::timestamp AT TIME ZONE 'UTC';
        day_end := day_begin + interval '24 hours';
        SELECT * INTO list FROM msgstatus.recipient_day WHERE day = this_day;
        IF FOUND THEN
            SELECT COALESCE(sum(r.messages), 0) = list.messages AND COALESCE(sum(r.recipients), 0) = list.recipients
            INTO still_right
            FROM msgstatus.hour_rollup AS r WHERE r.hour >= day_begin AND r.hour < list.counted_before;
            IF NOT still_right THEN
                DELETE FROM msgstatus.recipient_rollup WHERE day = this_day;
                DELETE FROM msgstatus.recipient_day WHERE day = this_day;
                list.counted_before := day_begin;
                list.least := 1;
            END IF;
        ELSE
            list.counted_before := day_begin;
            list.least := 1;
        END IF;

        IF list.counted_before < LEAST(counted_to, day_end) THEN
            WITH counted AS MATERIALIZED (
                -- Of what comes in, the recipient is the business itself.
                SELECT CASE WHEN m.direction = 'inbound' THEN NULL ELSE m.recipient END AS recipient,
                    count(*)::integer AS messages
                FROM msgstatus.message AS m
                WHERE m.created_at >= list.counted_before AND m.created_at < LEAST(counted_to, day_end)
                GROUP BY 1
            ), listed AS (
                INSERT INTO msgstatus.recipient_rollup AS r (day, recipient, messages)
                SELECT this_day, c.recipient, c.messages FROM counted AS c WHERE c.recipient IS NOT NULL
                ON CONFLICT (day, recipient) DO UPDATE SET messages = r.messages + excluded.messages
            ), summed AS (
                INSERT INTO msgstatus.recipient_day AS d (day, counted_before, messages, recipients)
                SELECT this_day, LEAST(counted_to, day_end), COALESCE(sum(c.messages), 0),
                    COALESCE(sum(c.messages * (hashtextextended(c.recipient, 0) & 1099511627775)), 0)
                FROM counted AS c
                ON CONFLICT (day) DO UPDATE SET counted_before = excluded.counted_before,
                    messages = d.messages + excluded.messages, recipients = d.recipients + excluded.recipients
            )
            SELECT COALESCE(sum(c.messages), 0) INTO counted_of_day FROM counted AS c;
            counted := counted + counted_of_day;
        END IF;

        -- Drops recipients with a single message from days long past: they make most of the list, and none of its top.
        IF list.least = 1 AND day_end < counted_to - interval '24 hours' THEN
            DELETE FROM msgstatus.recipient_rollup WHERE day = this_day AND messages = 1;
            UPDATE msgstatus.recipient_day SET least = 2 WHERE day = this_day;
        END IF;
        this_day := this_day - 1;
    END LOOP;
    RETURN counted;
END
$$;
COMMENT ON FUNCTION msgstatus.count_recipients(integer) IS
    'Counts messages by recipient and day into recipient_rollup: hours that are over, those that changed since anew; stops after about so many messages, and returns how many it counted';
