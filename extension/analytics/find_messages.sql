-- The search behind message_log(): a page of the messages that a filter finds. Every page costs the same, because it begins at
-- a key and not at an offset, and because it reads only hours that hold matching messages (README.md of this room).

CREATE TYPE msgstatus.message_log_row AS (
    message_id text,
    provider text,
    direction text,
    sender text,
    recipient text,
    message_type text,
    campaign_id uuid,
    state msgstatus.delivery_state,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    failed_at timestamptz,
    error_code integer,
    error_title text,
    created_at timestamptz,
    updated_at timestamptz,
    page_cursor text
);
COMMENT ON TYPE msgstatus.message_log_row IS 'A row of message_log()';

CREATE FUNCTION msgstatus.few_messages() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS 'SELECT 20000::bigint';
COMMENT ON FUNCTION msgstatus.few_messages() IS
    'How many messages can be found by an index and sorted, or read in order of time and filtered, without a noticeable delay';

-- Returns the messages of a time, newest first, after a position, under the conditions of a filter. If they are `few`, finds
-- them by any index that fits the conditions and sorts them, also `by_state`, the highest first; else reads messages in order of
-- time until the page is full.
CREATE FUNCTION msgstatus.log_page(
    sees_all boolean, filter msgstatus.message_filter, conditions text, from_time timestamptz, to_time timestamptz,
    after msgstatus.log_position, page_size bigint, few boolean DEFAULT false, by_state boolean DEFAULT false
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Roles that see no ids get messages of the same time in the order of their stand-ins. The order of ids is largely the
    -- order of the numbers in them, and a position in a long list reveals most of a number. Stand-ins are computed only for the
    -- page and for messages as old as its last one.
    key bytea := (SELECT k.key FROM msgstatus.id_key AS k WHERE NOT log_page.sees_all);
    id text := CASE WHEN sees_all THEN 'message_id' ELSE 'msgstatus.stand_in($7, message_id)' END;
    state_order text := CASE WHEN by_state THEN 'msgstatus.state(%sstatus) DESC NULLS LAST, ' ELSE '' END;
BEGIN
    RETURN QUERY EXECUTE concat('
        SELECT m.shown_id, m.provider, m.direction,
            CASE WHEN $2 THEN m.sender ELSE msgstatus.mask_address(m.sender) END,
            CASE WHEN $2 THEN m.recipient ELSE msgstatus.mask_address(m.recipient) END,
            m.message_type, m.campaign_id, msgstatus.state(m.status),
            msgstatus.reached_at(m.status, ''sent''), msgstatus.reached_at(m.status, ''delivered''),
            msgstatus.reached_at(m.status, ''read''),
            LEAST(msgstatus.reached_at(m.status, ''failed''), msgstatus.reached_at(m.status, ''undelivered'')),
            m.error_code, CASE WHEN $2 THEN m.error_title ELSE msgstatus.mask_numbers(m.error_title) END, m.created_at, m.updated_at,
            msgstatus.page_cursor(msgstatus.state(m.status), m.created_at, m.shown_id)
        FROM (
            SELECT *, ', id, ' AS shown_id FROM ', CASE WHEN sees_all THEN 'msgstatus.message' ELSE '(SELECT * FROM msgstatus.message' END, '
            WHERE true', conditions,
            CASE WHEN from_time IS NOT NULL THEN ' AND created_at >= $3' END,
            CASE WHEN to_time IS NOT NULL THEN ' AND created_at < $4' END,
            CASE WHEN after.message_id IS NOT NULL THEN concat(' AND ',
                CASE WHEN by_state THEN CASE WHEN after.state IS NULL THEN '(msgstatus.state(status) IS NULL AND '
                    ELSE '(msgstatus.state(status) < ($5).state OR msgstatus.state(status) IS NULL OR msgstatus.state(status) = ($5).state AND ' END END,
                'created_at <= ($5).created_at AND (created_at < ($5).created_at OR ', id, ' < ($5).message_id)', CASE WHEN by_state THEN ')' END) END,
            CASE WHEN few THEN ' OFFSET 0' END,
            CASE WHEN NOT sees_all
                THEN format(') AS page ORDER BY %screated_at DESC FETCH FIRST $6 ROWS WITH TIES', format(state_order, '')) END, '
        ) AS m
        ORDER BY ', format(state_order, 'm.'), 'm.created_at DESC, m.shown_id DESC
        LIMIT $6')
    USING filter, sees_all, from_time, to_time, after, page_size, key;
END
$$;
COMMENT ON FUNCTION msgstatus.log_page(boolean, msgstatus.message_filter, text, timestamptz, timestamptz, msgstatus.log_position, bigint, boolean, boolean) IS
    'The newest messages of a time, after a position, under conditions in SQL, or those of the highest state; of message_log()';

-- Returns the messages of all times, or of those `within`, read hour by hour: the rollup shows which hours hold matching messages,
-- and how many. Stops after hours with `most` messages, whatever it found.
CREATE FUNCTION msgstatus.log_page_by_hour(
    sees_all boolean, filter msgstatus.message_filter, conditions text, after msgstatus.log_position, page_size bigint,
    most bigint DEFAULT NULL, within tstzmultirange DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dimensions text := msgstatus.dimension_conditions(filter);
    counter text := msgstatus.rollup_counter(filter);
    first_hour timestamptz := date_trunc('hour',
        GREATEST(filter.created_from, (SELECT min(m.created_at) FROM msgstatus.message AS m)), 'UTC');
    upper_time timestamptz := LEAST(filter.created_before, after.created_at,
        (SELECT max(m.created_at) FROM msgstatus.message AS m));
    -- Mostly a page is full soon, so the first rounds look up few hours and later rounds more.
    span interval := interval '12 hours';
    counted record;
    found bigint;
BEGIN
    WHILE upper_time >= first_hour LOOP
        FOR counted IN EXECUTE format('
            SELECT hour, sum(%s) AS messages, sum(messages) AS to_be_read FROM msgstatus.%I
            WHERE hour <= $2 AND hour > $2 - $3 %s %s
            GROUP BY hour HAVING sum(%1$s) > 0 ORDER BY hour DESC',
            counter, CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END, dimensions,
            CASE WHEN within IS NOT NULL THEN 'AND $4 @> hour' END)
            USING filter, upper_time, span, within
        LOOP
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, conditions, counted.hour,
                counted.hour + interval '1 hour', after, LEAST(page_size, counted.messages)) AS p;
            GET DIAGNOSTICS found = ROW_COUNT;
            page_size := page_size - found;
            most := most - counted.to_be_read;
            IF page_size <= 0 OR most <= 0 THEN
                RETURN;
            END IF;
        END LOOP;
        upper_time := upper_time - span;
        span := LEAST(span * 4, interval '64 days');
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.log_page_by_hour(boolean, msgstatus.message_filter, text, msgstatus.log_position, bigint, bigint, tstzmultirange) IS
    'The newest messages after a position, under conditions in SQL, from hours that hold such messages; of message_log()';

-- Returns the messages of recipients that begin alike, many, in order of time, or by state if the filter has none. If the latest
-- messages do not fill the page, prefix_counts() tells how many there are in each state and when, so the page is read from hours that hold some, as long as that costs less
-- than to sort all messages of these recipients.
CREATE FUNCTION msgstatus.log_page_by_prefix(
    sees_all boolean, filter msgstatus.message_filter, after msgstatus.log_position, page_size bigint, by_state boolean
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counts msgstatus.prefix_count[];
    -- At most so many messages are found by the index and sorted.
    all_messages bigint;
    known_messages bigint;
    -- The part of the messages that are counted at most that are probably there.
    share float8 := 1;
    states msgstatus.delivery_state[] := '{played,read,delivered,undelivered,failed,canceled,skipped,partially_delivered,sent,sending,'
        'queued,accepted,scheduled,pending,received,processing,NULL}';
    next_state msgstatus.delivery_state;
    next msgstatus.message_filter := filter;
    page msgstatus.message_log_row;
    position msgstatus.log_position;
    messages bigint;
    within tstzmultirange;
    to_be_read bigint;
    found bigint;
BEGIN
    -- Mostly, the latest messages fill the page.
    IF by_state THEN
        SELECT s INTO next.state FROM msgstatus.states_found(filter) AS s
        WHERE after.message_id IS NULL OR s <= after.state OR s IS NULL LIMIT 1;
        next.waiting := CASE WHEN next.state IS NULL THEN 'callback' END;
    END IF;
    FOR page IN SELECT p.* FROM msgstatus.log_page_by_hour(sees_all, next, msgstatus.message_conditions(next),
        CASE WHEN NOT by_state OR next.state IS NOT DISTINCT FROM after.state THEN after END, page_size, msgstatus.few_messages()) AS p
    LOOP
        RETURN NEXT page;
        page_size := page_size - 1;
        after := msgstatus.log_position(page.page_cursor);
    END LOOP;
    IF page_size <= 0 THEN
        RETURN;
    END IF;

    position := after;
    counts := ARRAY(SELECT c FROM msgstatus.prefix_counts(filter.recipient_prefix,
        COALESCE(date_trunc('hour', filter.created_from, 'UTC'), '-infinity'),
        COALESCE(date_trunc('hour', filter.created_before, 'UTC') + interval '1 hour', 'infinity')) AS c);
    SELECT sum(c.messages), COALESCE(sum(c.messages) FILTER (WHERE c.known), 0) INTO all_messages, known_messages FROM unnest(counts) AS c;
    IF all_messages > known_messages * 2 THEN
        EXECUTE format('SELECT count(*) FROM (SELECT FROM msgstatus.message WHERE recipient LIKE %L LIMIT %s) AS m',
            msgstatus.like_pattern(filter.recipient_prefix) || '%', msgstatus.few_messages() * 10)
        INTO known_messages;
        share := LEAST(1, known_messages / all_messages::float8);
        all_messages := known_messages;
    END IF;
    IF NOT by_state THEN
        states := ARRAY[filter.state];
    END IF;
    FOREACH next_state IN ARRAY states LOOP
        IF by_state THEN
            CONTINUE WHEN after.message_id IS NOT NULL
                AND (next_state > after.state OR after.state IS NULL AND next_state IS NOT NULL);
            next.state := next_state;
            next.waiting := CASE WHEN next_state IS NULL THEN 'callback' END;
            IF after.message_id IS NULL OR next_state IS DISTINCT FROM after.state THEN
                position := ROW(next_state, 'infinity', '')::msgstatus.log_position;
            END IF;
        END IF;
        EXECUTE format('SELECT sum(%s), range_agg(tstzrange(beginning, ending)) FROM unnest($1) WHERE %1$s > 0', msgstatus.rollup_counter(next))
        INTO messages, within
        USING counts;
        CONTINUE WHEN messages IS NULL;
        EXECUTE format('
            SELECT sum(messages) FROM (
                SELECT sum(messages) AS messages FROM msgstatus.hour_rollup WHERE $1 @> hour AND hour <= $2
                GROUP BY hour HAVING sum(%s) > 0) AS h', msgstatus.rollup_counter(next))
        INTO to_be_read
        USING within, COALESCE(position.created_at, 'infinity');
        -- A message that is found by the index costs as much as three that are read in order of time.
        IF to_be_read * LEAST(1, page_size / (messages * share)) > all_messages * 3 THEN
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, msgstatus.message_conditions(filter), NULL, NULL, position,
                page_size, true, by_state) AS p;
            RETURN;
        END IF;
        RETURN QUERY SELECT p.* FROM msgstatus.log_page_by_hour(sees_all, next, msgstatus.message_conditions(next), position, page_size,
            NULL, within) AS p;
        GET DIAGNOSTICS found = ROW_COUNT;
        page_size := page_size - found;
        EXIT WHEN page_size <= 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.log_page_by_prefix(boolean, msgstatus.message_filter, msgstatus.log_position, bigint, boolean) IS
    'A page of message_log() with many recipients that begin alike, in order of time or by state';

-- The messages of recipients under a filter, as far as it costs little to count them: whether they are of one recipient, and
-- whether they are few. By default, few can be found by the index and sorted without a noticeable delay.
CREATE FUNCTION msgstatus.recipients_found(filter msgstatus.message_filter, most bigint DEFAULT msgstatus.few_messages(), OUT recipient text, OUT few boolean)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    condition text := format('recipient LIKE %L', msgstatus.like_pattern(filter.recipient_prefix) || '%');
    last text;
BEGIN
    EXECUTE format('SELECT min(recipient), max(recipient) FROM msgstatus.message WHERE %s', condition) INTO recipient, last;
    recipient := CASE WHEN recipient = last THEN recipient END;
    EXECUTE format('SELECT count(*) <= %s FROM (SELECT FROM msgstatus.message WHERE %s LIMIT %s) AS m', most, condition, most + 1) INTO few;
END
$$;
COMMENT ON FUNCTION msgstatus.recipients_found(msgstatus.message_filter, bigint) IS
    'The recipient under a filter with recipient_prefix, if it is only one, and whether the messages are few, at most so many; of message_log()';

-- Returns a page in order of time.
CREATE FUNCTION msgstatus.find_messages(
    sees_all boolean, filter msgstatus.message_filter, after msgstatus.log_position, page_size bigint
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    conditions text := msgstatus.message_conditions(filter);
    recipients record;
    edge timestamptz;
    found bigint;
BEGIN
    IF filter.recipient_prefix IS NOT NULL THEN
        recipients := msgstatus.recipients_found(filter);
        IF recipients.recipient IS NOT NULL THEN
            -- The index holds the messages of one recipient in order of time.
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter,
                conditions || format(' AND recipient = %L', recipients.recipient), NULL, NULL, after, page_size) AS p;
            RETURN;
        END IF;
        IF recipients.few THEN
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, conditions, NULL, NULL, after, page_size, true) AS p;
            RETURN;
        END IF;
        IF msgstatus.rollup_counter(filter) <> 'messages' THEN
            RETURN QUERY SELECT p.* FROM msgstatus.log_page_by_prefix(sees_all, filter, after, page_size, false) AS p;
            RETURN;
        END IF;
    ELSIF filter.metadata_text IS NOT NULL AND msgstatus.has_metadata_index() THEN
        -- A frequent text is found soon among the latest messages, a rare text by the index.
        SELECT m.created_at INTO edge FROM msgstatus.message AS m
        WHERE m.created_at < COALESCE(filter.created_before, 'infinity') AND m.created_at <= COALESCE(after.created_at, 'infinity')
        ORDER BY m.created_at DESC OFFSET msgstatus.few_messages() / 4 LIMIT 1;
        RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, conditions, edge, NULL, after, page_size) AS p;
        GET DIAGNOSTICS found = ROW_COUNT;
        IF edge IS NOT NULL AND found < page_size THEN
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, conditions, NULL, edge, after, page_size - found, true) AS p;
        END IF;
        RETURN;
    END IF;

    IF msgstatus.dimension_conditions(filter) = '' AND msgstatus.rollup_counter(filter) = 'messages' THEN
        RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, conditions, NULL, NULL, after, page_size) AS p;
    ELSE
        RETURN QUERY SELECT p.* FROM msgstatus.log_page_by_hour(sees_all, filter, conditions, after, page_size) AS p;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.find_messages(boolean, msgstatus.message_filter, msgstatus.log_position, bigint) IS
    'A page of message_log() in order of time';

CREATE FUNCTION msgstatus.has_metadata_index() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
        WHERE i.indrelid = 'msgstatus.message'::regclass AND i.indisvalid AND a.amname = 'gin'
            AND pg_get_indexdef(i.indexrelid, 1, true) = '(metadata::text)')
$$;
COMMENT ON FUNCTION msgstatus.has_metadata_index() IS 'Whether there is an index for texts in the metadata of messages, which a user creates';

-- Without an index, a text that is rare or nowhere is looked for in every message under the other conditions.
CREATE FUNCTION msgstatus.check_metadata_text(filter msgstatus.message_filter) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT bigint := 100000;
    dimensions text := msgstatus.dimension_conditions(filter);
    messages bigint;
BEGIN
    IF filter.metadata_text IS NULL OR msgstatus.has_metadata_index()
        OR filter.recipient_prefix IS NOT NULL AND (msgstatus.recipients_found(filter)).few
    THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT sum(messages) FROM msgstatus.%I WHERE hour >= $2 AND hour < $3 %s',
        CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END, dimensions)
    INTO messages
    USING filter, date_trunc('hour', GREATEST(filter.created_from, (SELECT w.purged_before FROM msgstatus.maintenance AS w), '-infinity'), 'UTC'),
        COALESCE(filter.created_before, 'infinity');
    IF messages > most THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot search the metadata of %s messages without an index', messages),
            DETAIL = format('Without an index, at most %s messages are searched.', most),
            HINT = 'CREATE EXTENSION pg_trgm; CREATE INDEX CONCURRENTLY ON msgstatus.message USING gin ((metadata::text) gin_trgm_ops)'
                ' WHERE metadata IS NOT NULL; or filter by campaign_id, created_from or recipient_prefix, too.';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.check_metadata_text(msgstatus.message_filter) IS
    'Raises 55000 where metadata_text would be looked for in too many messages without an index';

-- Returns the states of messages under a filter, the highest first; NULL, for messages without a callback, last.
CREATE FUNCTION msgstatus.states_found(filter msgstatus.message_filter) RETURNS SETOF msgstatus.delivery_state
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dimensions text := msgstatus.dimension_conditions(filter);
BEGIN
    RETURN QUERY EXECUTE format('
        SELECT s.state
        FROM (SELECT sum(messages) AS messages, sum(in_processing) AS in_processing, sum(in_received) AS in_received,
                sum(in_pending) AS in_pending, sum(in_scheduled) AS in_scheduled, sum(in_accepted) AS in_accepted,
                sum(in_queued) AS in_queued, sum(in_sending) AS in_sending, sum(in_sent) AS in_sent,
                sum(in_partially_delivered) AS in_partially_delivered, sum(in_skipped) AS in_skipped,
                sum(in_canceled) AS in_canceled, sum(in_failed) AS in_failed, sum(in_undelivered) AS in_undelivered,
                sum(in_delivered) AS in_delivered, sum(in_read) AS in_read, sum(in_played) AS in_played
            FROM msgstatus.%I
            WHERE hour >= date_trunc(''hour'', COALESCE(($1).created_from, ''-infinity''), ''UTC'')
                AND hour < COALESCE(($1).created_before, ''infinity'') %s) AS r,
            LATERAL (VALUES (''played''::msgstatus.delivery_state, in_played), (''read'', in_read), (''delivered'', in_delivered),
                (''undelivered'', in_undelivered), (''failed'', in_failed), (''canceled'', in_canceled), (''skipped'', in_skipped),
                (''partially_delivered'', in_partially_delivered), (''sent'', in_sent), (''sending'', in_sending),
                (''queued'', in_queued), (''accepted'', in_accepted), (''scheduled'', in_scheduled), (''pending'', in_pending),
                (''received'', in_received), (''processing'', in_processing), (NULL, %s)) AS s (state, messages)
        WHERE s.messages > 0
        ORDER BY s.state DESC NULLS LAST',
        CASE dimensions WHEN '' THEN 'hour_rollup' ELSE 'message_rollup' END, dimensions,
        msgstatus.rollup_counter(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'callback')::msgstatus.message_filter))
    USING filter;
END
$$;
COMMENT ON FUNCTION msgstatus.states_found(msgstatus.message_filter) IS
    'The states of messages with the dimensions and times of a filter, the highest first, NULL for no state last';
