-- What install() makes: the rollups. Whoever changes a message adds the difference to them in the same transaction, so they
-- are exact at every commit. The counters are sums, and may be added up over any rows.
--
-- Indexes are not made with IF NOT EXISTS, which would wait for the calls under way to end.

-- The one definition of the outcomes that views and functions count, for outgoing messages.
CREATE FUNCTION msgstatus.outcome_states(outcome text) RETURNS msgstatus.delivery_state[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE outcome
        WHEN 'attempted' THEN '{sent,partially_delivered,failed,undelivered,delivered,read,played}'
        WHEN 'delivered' THEN '{delivered,read,played}'
        WHEN 'read' THEN '{read,played}'
        WHEN 'failed' THEN '{failed,undelivered}'
        WHEN 'waiting' THEN '{accepted,queued,sending,sent}'
    END::msgstatus.delivery_state[]
$$;
COMMENT ON FUNCTION msgstatus.outcome_states(text) IS
    'The states in which an outgoing message counts as attempted, delivered, read, failed or waiting for delivery';

CREATE FUNCTION msgstatus.outcome_counter(outcome text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg('in_' || s.state::text, ' + ' ORDER BY s.place)
    FROM unnest(msgstatus.outcome_states(outcome)) WITH ORDINALITY AS s (state, place)
$$;
COMMENT ON FUNCTION msgstatus.outcome_counter(text) IS
    'The number of messages of a rollup row with an outcome, as an SQL expression; inbound messages have none';

CREATE FUNCTION msgstatus.install_message_rollup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.message_rollup (
        hour timestamptz NOT NULL,
        provider text COLLATE "C",
        sender text COLLATE "C",
        message_type text COLLATE "C",
        direction text COLLATE "C",
        campaign_id uuid,
        slot integer NOT NULL,
        messages integer NOT NULL DEFAULT 0,
        sent integer NOT NULL DEFAULT 0,
        in_processing integer NOT NULL DEFAULT 0,
        in_received integer NOT NULL DEFAULT 0,
        in_pending integer NOT NULL DEFAULT 0,
        in_scheduled integer NOT NULL DEFAULT 0,
        in_accepted integer NOT NULL DEFAULT 0,
        in_queued integer NOT NULL DEFAULT 0,
        in_sending integer NOT NULL DEFAULT 0,
        in_sent integer NOT NULL DEFAULT 0,
        in_partially_delivered integer NOT NULL DEFAULT 0,
        in_skipped integer NOT NULL DEFAULT 0,
        in_canceled integer NOT NULL DEFAULT 0,
        in_failed integer NOT NULL DEFAULT 0,
        in_undelivered integer NOT NULL DEFAULT 0,
        in_delivered integer NOT NULL DEFAULT 0,
        in_read integer NOT NULL DEFAULT 0,
        in_played integer NOT NULL DEFAULT 0,
        delivery msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        reading msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        failure msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        recipients bigint NOT NULL DEFAULT 0
    ) WITH (
        -- The rows of the present hours are updated all the time: in their own page, and cleaned up soon.
        fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000
    );
    IF pg_catalog.to_regclass('msgstatus.message_rollup_key') IS NULL THEN
        CREATE UNIQUE INDEX message_rollup_key ON msgstatus.message_rollup
            (hour, provider, sender, message_type, direction, campaign_id, slot) NULLS NOT DISTINCT;
        COMMENT ON INDEX msgstatus.message_rollup_key IS 'One row for each combination and slot';
    END IF;
    IF pg_catalog.to_regclass('msgstatus.message_rollup_unfolded') IS NULL THEN
        CREATE INDEX message_rollup_unfolded ON msgstatus.message_rollup (hour) WHERE slot > 0;
        COMMENT ON INDEX msgstatus.message_rollup_unfolded IS 'The rows that are not in folded_hour yet';
    END IF;
    COMMENT ON TABLE msgstatus.message_rollup IS
        'Messages and their delays, counted by the hour of their creation, provider, sender, type, direction and campaign; to be summed over slots';
    COMMENT ON COLUMN msgstatus.message_rollup.provider IS 'As in message';
    COMMENT ON COLUMN msgstatus.message_rollup.sender IS 'The business''s own address: of inbound messages the recipient';
    COMMENT ON COLUMN msgstatus.message_rollup.message_type IS 'As in message';
    COMMENT ON COLUMN msgstatus.message_rollup.direction IS 'As in message';
    COMMENT ON COLUMN msgstatus.message_rollup.campaign_id IS 'As in message';
    PERFORM msgstatus.install_rollup_comments('message_rollup');
END
$$;
COMMENT ON FUNCTION msgstatus.install_message_rollup() IS 'Makes the table message_rollup; called by install()';

CREATE FUNCTION msgstatus.install_hour_rollup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.folded_hour (
        hour timestamptz NOT NULL,
        messages integer NOT NULL DEFAULT 0,
        sent integer NOT NULL DEFAULT 0,
        in_processing integer NOT NULL DEFAULT 0,
        in_received integer NOT NULL DEFAULT 0,
        in_pending integer NOT NULL DEFAULT 0,
        in_scheduled integer NOT NULL DEFAULT 0,
        in_accepted integer NOT NULL DEFAULT 0,
        in_queued integer NOT NULL DEFAULT 0,
        in_sending integer NOT NULL DEFAULT 0,
        in_sent integer NOT NULL DEFAULT 0,
        in_partially_delivered integer NOT NULL DEFAULT 0,
        in_skipped integer NOT NULL DEFAULT 0,
        in_canceled integer NOT NULL DEFAULT 0,
        in_failed integer NOT NULL DEFAULT 0,
        in_undelivered integer NOT NULL DEFAULT 0,
        in_delivered integer NOT NULL DEFAULT 0,
        in_read integer NOT NULL DEFAULT 0,
        in_played integer NOT NULL DEFAULT 0,
        delivery msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        reading msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        failure msgstatus.delay_histogram NOT NULL DEFAULT '{}',
        recipients bigint NOT NULL DEFAULT 0,
        inbound boolean NOT NULL DEFAULT false,
        PRIMARY KEY (hour, inbound)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
    -- Earlier installations counted inbound messages in the same row. What is folded is also in slot 0 of message_rollup.
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
        WHERE a.attrelid = 'msgstatus.folded_hour'::regclass AND a.attname = 'inbound' AND NOT a.attisdropped)
    THEN
        LOCK TABLE msgstatus.message_rollup, msgstatus.folded_hour IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE msgstatus.folded_hour ADD COLUMN inbound boolean NOT NULL DEFAULT false,
            DROP CONSTRAINT folded_hour_pkey, ADD PRIMARY KEY (hour, inbound);
        DELETE FROM msgstatus.folded_hour;
        INSERT INTO msgstatus.folded_hour (hour, inbound,
            messages, sent, in_processing, in_received, in_pending, in_scheduled, in_accepted, in_queued, in_sending,
            in_sent, in_partially_delivered, in_skipped, in_canceled, in_failed, in_undelivered, in_delivered,
            in_read, in_played, delivery, reading, failure, recipients)
        SELECT r.hour, r.direction IS NOT DISTINCT FROM 'inbound',
            sum(r.messages)::integer, sum(r.sent)::integer, sum(r.in_processing)::integer,
            sum(r.in_received)::integer, sum(r.in_pending)::integer, sum(r.in_scheduled)::integer,
            sum(r.in_accepted)::integer, sum(r.in_queued)::integer, sum(r.in_sending)::integer,
            sum(r.in_sent)::integer, sum(r.in_partially_delivered)::integer, sum(r.in_skipped)::integer,
            sum(r.in_canceled)::integer, sum(r.in_failed)::integer, sum(r.in_undelivered)::integer,
            sum(r.in_delivered)::integer, sum(r.in_read)::integer, sum(r.in_played)::integer,
            msgstatus.sum(r.delivery), msgstatus.sum(r.reading), msgstatus.sum(r.failure), sum(r.recipients)::bigint
        FROM msgstatus.message_rollup AS r
        WHERE r.slot = 0
        GROUP BY 1, 2;
    END IF;
    COMMENT ON TABLE msgstatus.folded_hour IS
        'What the folded rows of message_rollup add up to by hour, so that long times are quick to sum; written by fold_rollups(). To be read as hour_rollup';
    PERFORM msgstatus.install_rollup_comments('folded_hour');

    EXECUTE format($view$
    CREATE OR REPLACE VIEW msgstatus.hour_rollup AS
    SELECT h.hour,
        h.messages, h.sent, h.in_processing, h.in_received, h.in_pending, h.in_scheduled, h.in_accepted, h.in_queued,
        h.in_sending, h.in_sent, h.in_partially_delivered, h.in_skipped, h.in_canceled, h.in_failed, h.in_undelivered,
        h.in_delivered, h.in_read, h.in_played, h.delivery, h.reading, h.failure, h.recipients, h.inbound,
        CASE WHEN h.inbound THEN 0 ELSE h.messages END AS outbound,
        CASE WHEN h.inbound THEN 0 ELSE %s END AS attempted,
        CASE WHEN h.inbound THEN 0 ELSE %s END AS delivered,
        CASE WHEN h.inbound THEN 0 ELSE %s END AS read,
        CASE WHEN h.inbound THEN 0 ELSE %s END AS failed
    FROM (
    SELECT f.hour,
        f.messages, f.sent, f.in_processing, f.in_received, f.in_pending, f.in_scheduled, f.in_accepted, f.in_queued,
        f.in_sending, f.in_sent, f.in_partially_delivered, f.in_skipped, f.in_canceled, f.in_failed, f.in_undelivered,
        f.in_delivered, f.in_read, f.in_played, f.delivery, f.reading, f.failure, f.recipients, f.inbound
    FROM msgstatus.folded_hour AS f
    UNION ALL
    SELECT r.hour,
        r.messages, r.sent, r.in_processing, r.in_received, r.in_pending, r.in_scheduled, r.in_accepted, r.in_queued,
        r.in_sending, r.in_sent, r.in_partially_delivered, r.in_skipped, r.in_canceled, r.in_failed, r.in_undelivered,
        r.in_delivered, r.in_read, r.in_played, r.delivery, r.reading, r.failure, r.recipients,
        r.direction IS NOT DISTINCT FROM 'inbound'
    FROM msgstatus.message_rollup AS r
    WHERE r.slot > 0
    ) AS h $view$,
        msgstatus.outcome_counter('attempted'), msgstatus.outcome_counter('delivered'), msgstatus.outcome_counter('read'),
        msgstatus.outcome_counter('failed'));
    COMMENT ON VIEW msgstatus.hour_rollup IS
        'Messages and their delays, counted by the hour of their creation and their outcome; to be summed over the rows of an hour';
    PERFORM msgstatus.install_rollup_comments('hour_rollup');
END
$$;
COMMENT ON FUNCTION msgstatus.install_hour_rollup() IS 'Makes the table folded_hour and the view hour_rollup; called by install()';

CREATE FUNCTION msgstatus.install_failure_rollup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.failure_rollup (
        hour timestamptz NOT NULL,
        provider text COLLATE "C",
        error_code integer,
        slot integer NOT NULL,
        messages integer NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
    IF pg_catalog.to_regclass('msgstatus.failure_rollup_key') IS NULL THEN
        CREATE UNIQUE INDEX failure_rollup_key ON msgstatus.failure_rollup
            (hour, provider, error_code, slot) NULLS NOT DISTINCT;
        COMMENT ON INDEX msgstatus.failure_rollup_key IS 'One row for each combination and slot';
    END IF;
    COMMENT ON TABLE msgstatus.failure_rollup IS
        'Outgoing messages whose state is a failure now, counted by the hour of their creation, provider and error code; to be summed over slots';
    COMMENT ON COLUMN msgstatus.failure_rollup.hour IS 'The hour, by UTC, of the creation of the messages';
    COMMENT ON COLUMN msgstatus.failure_rollup.provider IS 'As in message';
    COMMENT ON COLUMN msgstatus.failure_rollup.error_code IS 'As in message';
    COMMENT ON COLUMN msgstatus.failure_rollup.slot IS '0: folded by maintain(); above: written by those who change messages, each to a slot of its own';
    COMMENT ON COLUMN msgstatus.failure_rollup.messages IS 'The number of messages that have failed';
END
$$;
COMMENT ON FUNCTION msgstatus.install_failure_rollup() IS 'Makes the table failure_rollup; called by install()';

CREATE FUNCTION msgstatus.install_rollup_comments(rollup text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    commented record;
BEGIN
    FOR commented IN
        SELECT * FROM (VALUES
            ('hour', 'The hour, by UTC, of the creation of the messages'),
            ('slot', '0: folded by maintain(); above: written by those who change messages, each to a slot of its own'),
            ('messages', 'The number of messages'),
            ('sent', 'Outgoing messages that were sent, whatever became of them'),
            ('delivery', 'From sent to delivered, of outgoing messages; see delivery_delay'),
            ('reading', 'From delivered to read, of outgoing messages; see read_delay'),
            ('failure', 'From the first word of an outgoing message to its failure; see failure_delay'),
            ('recipients', 'The sum of 40-bit hashes of the recipients, inbound messages aside: tells whether recipient_rollup still counts the same messages'),
            ('inbound', 'Whether the row counts messages whose direction is inbound, or the others'),
            ('outbound', 'Messages that are not inbound'),
            ('attempted', 'Outgoing messages that a provider tried to deliver, with any outcome so far'),
            ('delivered', 'Outgoing messages that were delivered, including those that were read'),
            ('read', 'Outgoing messages that were read'),
            ('failed', 'Outgoing messages whose state is failed or undelivered now')) AS c (name, comment)
        WHERE EXISTS (SELECT FROM pg_attribute AS a
            WHERE a.attrelid = ('msgstatus.' || rollup)::regclass AND a.attname = c.name AND NOT a.attisdropped)
        UNION ALL
        SELECT 'in_' || s.state, 'Messages whose state is ' || s.state || ' now'
        FROM unnest('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,failed,'
            'undelivered,delivered,read,played}'::text[]) AS s (state)
    LOOP
        EXECUTE format('COMMENT ON COLUMN msgstatus.%I.%I IS %L', rollup, commented.name, commented.comment);
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_rollup_comments(text) IS 'Comments the columns that message_rollup, folded_hour, hour_rollup and prefix_rollup share; called by install()';

CREATE FUNCTION msgstatus.install_recipient_rollup() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.recipient_rollup (
        day date NOT NULL,
        recipient text COLLATE "C" NOT NULL,
        messages integer NOT NULL,
        PRIMARY KEY (day, recipient)
    );
    IF pg_catalog.to_regclass('msgstatus.recipient_rollup_top') IS NULL THEN
        CREATE INDEX recipient_rollup_top ON msgstatus.recipient_rollup (day, messages DESC, recipient);
        COMMENT ON INDEX msgstatus.recipient_rollup_top IS 'The recipients of a day, those with most messages first';
    END IF;
    COMMENT ON TABLE msgstatus.recipient_rollup IS
        'Messages counted by day and recipient, inbound ones aside; written by maintain(), and to be believed as far as recipient_day says';
    COMMENT ON COLUMN msgstatus.recipient_rollup.day IS 'The day, by UTC, of the creation of the messages';
    COMMENT ON COLUMN msgstatus.recipient_rollup.recipient IS 'As in message';
    COMMENT ON COLUMN msgstatus.recipient_rollup.messages IS 'The number of messages';

    CREATE TABLE IF NOT EXISTS msgstatus.recipient_day (
        day date PRIMARY KEY,
        counted_before timestamptz NOT NULL,
        messages bigint NOT NULL,
        recipients bigint NOT NULL,
        least integer NOT NULL DEFAULT 1
    );
    COMMENT ON TABLE msgstatus.recipient_day IS
        'How far the list of a day in recipient_rollup goes. It is right while hour_rollup still counts the same messages';
    COMMENT ON COLUMN msgstatus.recipient_day.day IS 'The day, by UTC';
    COMMENT ON COLUMN msgstatus.recipient_day.counted_before IS
        'The list counts the messages created from the beginning of the day to this hour';
    COMMENT ON COLUMN msgstatus.recipient_day.messages IS 'How many messages that were, with those that are in no list: inbound, or without a recipient';
    COMMENT ON COLUMN msgstatus.recipient_day.recipients IS 'The sum of 40-bit hashes of their recipients, as in hour_rollup';
    COMMENT ON COLUMN msgstatus.recipient_day.least IS 'Recipients with fewer messages that day are not in the list';
END
$$;
COMMENT ON FUNCTION msgstatus.install_recipient_rollup() IS 'Makes the tables recipient_rollup and recipient_day; called by install()';
