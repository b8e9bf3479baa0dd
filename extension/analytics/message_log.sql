-- message_log(): the messages that a filter finds, page by page.
--
-- A state is a text, so that an empty one filters nothing and drivers may pass their own texts. A function of the same name
-- takes a delivery_state, which has to be given: so a call without any argument has one meaning.

CREATE FUNCTION msgstatus.read_message_log(
    sees_all boolean, state text, message_type text, provider text, direction text,
    recipient_prefix text, campaign_id uuid, created_from timestamptz, created_before timestamptz, metadata_text text,
    sort_by text, page_size bigint, after text
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    filter msgstatus.message_filter := msgstatus.message_filter(sees_all, state, message_type, provider, direction,
        recipient_prefix, campaign_id, created_from, created_before, metadata_text);
    start msgstatus.log_position := msgstatus.log_position(after);
    missing bigint := COALESCE(page_size, 9223372036854775807);
    found bigint;
    next_state msgstatus.delivery_state;
BEGIN
    IF missing < 0 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'page_size must not be negative';
    ELSIF sort_by IS NULL OR sort_by NOT IN ('time', 'state') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('cannot sort by "%s"', sort_by), HINT = 'Sort by time or state.';
    END IF;
    PERFORM msgstatus.check_metadata_text(filter);
    IF sort_by = 'time' OR filter.state IS NOT NULL THEN
        RETURN QUERY SELECT p.* FROM msgstatus.find_messages(sees_all, filter, start, missing) AS p;
        RETURN;
    END IF;

    -- The messages of recipients are sorted at once if they are few, since each state would read them all again.
    IF filter.recipient_prefix IS NOT NULL THEN
        IF page_size IS NULL OR (msgstatus.recipients_found(filter)).few THEN
            RETURN QUERY SELECT p.* FROM msgstatus.log_page(sees_all, filter, msgstatus.message_conditions(filter), NULL, NULL, start,
                missing, true, true) AS p;
        ELSE
            RETURN QUERY SELECT p.* FROM msgstatus.log_page_by_prefix(sees_all, filter, start, missing, true) AS p;
        END IF;
        RETURN;
    END IF;

    -- States in descending order, the messages of each in order of time; messages without a callback last.
    FOR next_state IN SELECT s FROM msgstatus.states_found(filter) AS s LOOP
        CONTINUE WHEN start.message_id IS NOT NULL
            AND (next_state > start.state OR start.state IS NULL AND next_state IS NOT NULL);
        IF COALESCE(next_state < start.state, start.state IS NOT NULL) THEN
            start := NULL;
        END IF;
        filter.state := next_state;
        filter.waiting := CASE WHEN next_state IS NULL THEN 'callback' END;
        RETURN QUERY SELECT p.* FROM msgstatus.find_messages(sees_all, filter, start, missing) AS p;
        GET DIAGNOSTICS found = ROW_COUNT;
        missing := missing - found;
        EXIT WHEN missing <= 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.read_message_log(boolean, text, text, text, text, text, uuid, timestamptz, timestamptz, text, text, bigint, text) IS
    'message_log() for the owner of the tables';

CREATE FUNCTION msgstatus.message_log(
    state text DEFAULT NULL,
    message_type text DEFAULT NULL,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    recipient_prefix text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL,
    created_from timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL,
    metadata_text text DEFAULT NULL,
    sort_by text DEFAULT 'time',
    page_size bigint DEFAULT 50,
    after text DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    -- The messages of an hour are adjacent on disk. By default the planner assumes that an index that does not begin with the
    -- time finds each message on another page.
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET random_page_cost = 1.1
    AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.message_log(text, text, text, text, text, uuid, timestamptz, timestamptz, text, text, bigint, text) IS
    'The messages that match all filters, newest first or by state, a page at a time after a page_cursor; ids and addresses masked for roles that may not read message; 22023 for another order, page size or cursor; 55000 for metadata_text in many messages without an index';

CREATE FUNCTION msgstatus.message_log(
    state msgstatus.delivery_state,
    message_type text DEFAULT NULL,
    provider text DEFAULT NULL,
    direction text DEFAULT NULL,
    recipient_prefix text DEFAULT NULL,
    campaign_id uuid DEFAULT NULL,
    created_from timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL,
    metadata_text text DEFAULT NULL,
    sort_by text DEFAULT 'time',
    page_size bigint DEFAULT 50,
    after text DEFAULT NULL
) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM msgstatus.message_log($1::text, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
$$;
COMMENT ON FUNCTION msgstatus.message_log(msgstatus.delivery_state, text, text, text, text, uuid, timestamptz, timestamptz, text, text, bigint, text) IS
    'message_log() for a state of the type delivery_state';
