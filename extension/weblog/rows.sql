-- The rows of the log: found by message_log(), shown as objects. Addresses end up in access logs, and the id of a provider often holds
-- the number of the recipient; so cursors and links hold stand-ins, for operators too.

CREATE FUNCTION msgstatus.weblog_cursor(state msgstatus.delivery_state, created_at timestamptz, message_id text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws('.', COALESCE(state::text, '-'), (extract(epoch FROM created_at) * 1000000)::bigint, msgstatus.stand_in(k.key, message_id))
    FROM msgstatus.id_key AS k
$$;
COMMENT ON FUNCTION msgstatus.weblog_cursor(msgstatus.delivery_state, timestamptz, text) IS
    'The cursor with which a page of the web log continues after a message';

CREATE FUNCTION msgstatus.weblog_position(sees_all boolean, cursor text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text[] := regexp_match(cursor, '^(-|[a-z_]+)\.(-?[0-9]{1,17})\.(m_[A-Za-z0-9_-]+)$');
    id text;
BEGIN
    IF cursor IS NULL THEN
        RETURN NULL;
    END IF;
    id := (SELECT msgstatus.message_id_of(k.key, part[3]) FROM msgstatus.id_key AS k);
    IF id IS NULL OR part[1] <> '-' AND msgstatus.state_named(part[1]) IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'invalid cursor', HINT = 'Pass the "next" of the page before.';
    END IF;
    RETURN part[1] || ' ' || part[2] || ' ' || CASE WHEN sees_all THEN id ELSE part[3] END;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_position(boolean, text) IS
    'The page_cursor of message_log() for a cursor of the web log; 22023 for another text';

CREATE FUNCTION msgstatus.weblog_ids(sees_all boolean, shown text[]) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(
        SELECT COALESCE(msgstatus.message_id_of(k.key, s.id), CASE WHEN sees_all THEN s.id END)
        FROM unnest(shown) WITH ORDINALITY AS s (id, place), msgstatus.id_key AS k
        ORDER BY s.place)
$$;
COMMENT ON FUNCTION msgstatus.weblog_ids(boolean, text[]) IS
    'The message ids of ids as the web log shows them: stand-ins, and for roles that may read message also ids; NULL for another text';

-- Returns a page of messages. For several states, message_log() finds the page of each, and the first of all of these make the page.
-- States that are frequent as a rule come first: once they fill the page, the rare ones need not be looked for any further back.
CREATE FUNCTION msgstatus.weblog_page(sees_all boolean, request msgstatus.weblog_request) RETURNS SETOF msgstatus.message_log_row
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    f CONSTANT msgstatus.message_filter := request.filter;
    start CONSTANT msgstatus.log_position := msgstatus.log_position(request.after);
    frequent CONSTANT msgstatus.delivery_state[] := '{read,delivered,sent,failed,undelivered,received,played,queued}';
    page msgstatus.message_log_row[] := '{}';
    missing bigint := request.page_size;
    found bigint;
    next_state msgstatus.delivery_state;
BEGIN
    IF request.states IS NULL OR cardinality(request.states) = 1 AND request.sort_by = 'time' THEN
        RETURN QUERY SELECT r.* FROM msgstatus.read_message_log(sees_all, request.states[1]::text, f.message_type, f.provider, f.direction,
            f.recipient_prefix, f.campaign_id, f.created_from, f.created_before, f.metadata_text, request.sort_by, request.page_size,
            request.after) AS r;
    ELSIF request.sort_by = 'time' THEN
        FOR next_state IN SELECT s FROM unnest(request.states) AS s ORDER BY array_position(frequent, s) LOOP
            page := ARRAY(
                SELECT ROW(r.*)::msgstatus.message_log_row
                FROM (SELECT p.* FROM unnest(page) AS p
                    UNION ALL
                    SELECT l.* FROM msgstatus.read_message_log(sees_all, next_state::text, f.message_type, f.provider, f.direction, f.recipient_prefix,
                        f.campaign_id, GREATEST(f.created_from, (page[request.page_size]).created_at), f.created_before, f.metadata_text, 'time',
                        request.page_size, request.after) AS l) AS r
                ORDER BY r.created_at DESC, r.message_id COLLATE "C" DESC
                LIMIT request.page_size);
        END LOOP;
        RETURN QUERY SELECT p.* FROM unnest(page) AS p;
    ELSE
        FOREACH next_state IN ARRAY request.states LOOP
            -- Messages without a state come last, so none of these states comes after one of them.
            CONTINUE WHEN request.after IS NOT NULL AND (start.state IS NULL OR next_state > start.state);
            RETURN QUERY SELECT r.* FROM msgstatus.read_message_log(sees_all, next_state::text, f.message_type, f.provider, f.direction,
                f.recipient_prefix, f.campaign_id, f.created_from, f.created_before, f.metadata_text, 'time', missing,
                CASE WHEN next_state = start.state THEN request.after END) AS r;
            GET DIAGNOSTICS found = ROW_COUNT;
            missing := missing - found;
            EXIT WHEN missing <= 0;
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_page(boolean, msgstatus.weblog_request) IS 'A page of the messages that the web log was asked for';

CREATE FUNCTION msgstatus.weblog_rows(sees_all boolean, ids text[]) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'message_id', CASE WHEN sees_all THEN m.message_id ELSE i.stand_in END,
            'link', i.stand_in,
            'created_at', m.created_at,
            'updated_at', m.updated_at,
            'sender', CASE WHEN sees_all THEN m.sender ELSE msgstatus.mask_address(m.sender) END,
            'recipient', CASE WHEN sees_all THEN m.recipient ELSE msgstatus.mask_address(m.recipient) END,
            'type', m.message_type,
            'provider', m.provider,
            'direction', m.direction,
            'state', i.state,
            'state_at', msgstatus.observed_at(m.status, i.state),
            'error_code', m.error_code,
            'error_title', CASE WHEN sees_all THEN m.error_title ELSE msgstatus.mask_numbers(m.error_title) END,
            'error_meaning', e.meaning,
            'retryable', e.retryable,
            'campaign', CASE WHEN m.campaign_id IS NOT NULL THEN jsonb_build_object('id', m.campaign_id, 'name', c.name) END,
            'last_status_check', h.checked_at,
            'last_status_check_outcome', h.outcome,
            'refresh_waiting', EXISTS (SELECT FROM msgstatus.refresh_queue AS q WHERE q.message_id = m.message_id),
            'refreshable', msgstatus.refreshable(m.provider, m.message_id) AND m.direction IS DISTINCT FROM 'inbound'
                AND msgstatus.is_final(i.state) IS NOT TRUE AND h.outcome IS DISTINCT FROM 'unknown'
        ) ORDER BY l.place), '[]')
    FROM unnest(ids) WITH ORDINALITY AS l (id, place)
    JOIN msgstatus.message AS m ON m.message_id = l.id
    CROSS JOIN LATERAL (
        SELECT msgstatus.stand_in(k.key, m.message_id) AS stand_in, msgstatus.state(m.status) AS state FROM msgstatus.id_key AS k
    ) AS i
    LEFT JOIN msgstatus.error_code_catalog AS e
        ON e.code = m.error_code AND e.provider = CASE m.provider WHEN 'twilio' THEN 'twilio' ELSE 'meta' END
    LEFT JOIN msgstatus.message_check AS h ON h.message_id = m.message_id
    LEFT JOIN msgstatus.campaign AS c ON c.campaign_id = m.campaign_id
$$;
COMMENT ON FUNCTION msgstatus.weblog_rows(boolean, text[]) IS 'The messages with these ids, in this order, as the web log lists them';
