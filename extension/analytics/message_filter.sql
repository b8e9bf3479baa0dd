-- The filter that message_log(), message_stats() and other functions share, and its SQL. A statement contains only the
-- conditions that the filter has, so it is planned for just these.

CREATE TYPE msgstatus.message_filter AS (
    state msgstatus.delivery_state,
    message_type text,
    provider text,
    direction text,
    recipient_prefix text,
    campaign_id uuid,
    created_from timestamptz,
    created_before timestamptz,
    metadata_text text,
    waiting text
);
COMMENT ON TYPE msgstatus.message_filter IS
    'A filter of messages, in which NULL matches every message; waiting, instead of a state, is what messages wait for: callback, delivery or reading';

CREATE FUNCTION msgstatus.message_filter(
    sees_all boolean, state text, message_type text, provider text, direction text,
    recipient_prefix text, campaign_id uuid, created_from timestamptz, created_before timestamptz, metadata_text text
) RETURNS msgstatus.message_filter
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A role that may ask for any prefix can recover a whole number, digit by digit.
    IF length(recipient_prefix) > 6 AND NOT sees_all THEN
        RAISE insufficient_privilege USING MESSAGE = 'prefixes of more than 6 characters require access to unmasked addresses',
            HINT = 'Roles with the level operator of msgstatus.grant_access() have this access.';
    END IF;
    -- A role that may ask for any part of a text can recover the whole text, letter by letter.
    IF btrim(metadata_text) <> '' AND NOT sees_all THEN
        RAISE insufficient_privilege USING MESSAGE = 'metadata_text requires access to metadata', HINT = 'Roles with the level operator of msgstatus.grant_access() have this access.';
    END IF;
    RETURN ROW(NULLIF(btrim(state), '')::msgstatus.delivery_state, NULLIF(message_type, ''), NULLIF(provider, ''), NULLIF(direction, ''), NULLIF(recipient_prefix, ''),
        campaign_id, created_from, created_before, NULLIF(btrim(metadata_text), ''), NULL::text);
END
$$;
COMMENT ON FUNCTION msgstatus.message_filter(boolean, text, text, text, text, text, uuid, timestamptz, timestamptz, text) IS
    'The filter of these arguments, in which an empty text means no condition; 42501 for a prefix that would reveal a masked address, and for metadata_text without access to metadata';

CREATE FUNCTION msgstatus.like_pattern(literal text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.regexp_replace($1, '([\\%_])', '\\\1', 'g');
    END;
COMMENT ON FUNCTION msgstatus.like_pattern(text) IS 'The pattern for LIKE that matches exactly this text';

CREATE FUNCTION msgstatus.dimension_conditions(filter msgstatus.message_filter) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat(
        CASE WHEN filter.message_type IS NOT NULL THEN ' AND message_type = ($1).message_type' END,
        CASE WHEN filter.provider IS NOT NULL THEN ' AND provider = ($1).provider' END,
        CASE WHEN filter.direction IS NOT NULL THEN ' AND direction = ($1).direction' END,
        CASE WHEN filter.campaign_id IS NOT NULL THEN ' AND campaign_id = ($1).campaign_id' END)
$$;
COMMENT ON FUNCTION msgstatus.dimension_conditions(msgstatus.message_filter) IS
    'The conditions of a filter $1, in SQL, on the columns that message and message_rollup share';

CREATE FUNCTION msgstatus.message_conditions(filter msgstatus.message_filter) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat(
        msgstatus.dimension_conditions(filter),
        CASE WHEN filter.state IS NOT NULL THEN ' AND msgstatus.state(status) = ($1).state' END,
        CASE filter.waiting
            WHEN 'callback' THEN ' AND msgstatus.state(status) IS NULL'
            WHEN 'delivery' THEN ' AND msgstatus.state(status) >= ''accepted'''
                ' AND msgstatus.state(status) <= ''sent'''
            WHEN 'reading' THEN ' AND msgstatus.state(status) = ''delivered'''
        END,
        CASE WHEN filter.created_from IS NOT NULL THEN ' AND created_at >= ($1).created_from' END,
        CASE WHEN filter.created_before IS NOT NULL THEN ' AND created_at < ($1).created_before' END,
        CASE WHEN filter.recipient_prefix IS NOT NULL
            THEN format(' AND recipient LIKE %L', msgstatus.like_pattern(filter.recipient_prefix) || '%') END,
        (SELECT string_agg(format(' AND metadata::text ILIKE %L', '%' || msgstatus.like_pattern(word) || '%'), '')
            FROM regexp_split_to_table(filter.metadata_text, '\s+') AS word))
$$;
COMMENT ON FUNCTION msgstatus.message_conditions(msgstatus.message_filter) IS
    'The conditions of a filter $1, in SQL, on the columns of message';

CREATE FUNCTION msgstatus.rollup_counter(filter msgstatus.message_filter) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN filter.state IS NOT NULL THEN 'in_' || filter.state::text
        WHEN filter.waiting = 'callback' THEN 'messages - in_processing - in_received - in_pending - in_scheduled - in_accepted'
            ' - in_queued - in_sending - in_sent - in_partially_delivered - in_skipped - in_canceled - in_failed'
            ' - in_undelivered - in_delivered - in_read - in_played'
        WHEN filter.waiting = 'delivery' THEN msgstatus.outcome_counter('waiting')
        WHEN filter.waiting = 'reading' THEN 'in_delivered'
        ELSE 'messages'
    END
$$;
COMMENT ON FUNCTION msgstatus.rollup_counter(msgstatus.message_filter) IS
    'The number of messages of a rollup row in the state of a filter, as an SQL expression';
