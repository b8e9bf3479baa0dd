-- How a column of a user's table spells the states (SENT, Sent, sent; cancelled), and which state's label stands in for
-- another.

CREATE FUNCTION msgstatus.nearest_state(wanted msgstatus.delivery_state, held msgstatus.delivery_state[])
    RETURNS msgstatus.delivery_state
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Most tables do not distinguish states before sent. Otherwise, only a state that claims no more than the truth stands in.
    SELECT h.state
    FROM unnest(held) AS h (state),
        LATERAL (SELECT array_position(msgstatus.delivery_states(), h.state)
            - array_position(msgstatus.delivery_states(), wanted)) AS d (distance)
    WHERE h.state = wanted
        OR wanted < 'sent' AND h.state < 'sent'
            AND (wanted::text IN ('processing', 'received')) = (h.state::text IN ('processing', 'received'))
        OR (wanted::text, h.state::text) IN (('undelivered', 'failed'), ('failed', 'undelivered'), ('played', 'read'),
            ('partially_delivered', 'sent'))
    ORDER BY abs(d.distance), d.distance
    LIMIT 1
$$;
COMMENT ON FUNCTION msgstatus.nearest_state(msgstatus.delivery_state, msgstatus.delivery_state[]) IS
    'The state, among those that a column can hold, that stands in for another state; NULL if there is none';

CREATE FUNCTION msgstatus.state_spelling(target regclass, column_number smallint, given jsonb, any_text boolean)
    RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known text[] := '{}';
    style text;
    spelling jsonb := '{}';
    held msgstatus.delivery_state[] := '{}';
    s record;
BEGIN
    IF NOT any_text THEN
        known := ARRAY(SELECT l.label FROM msgstatus.column_literals(target, column_number) AS l
            WHERE msgstatus.state_named(l.label) IS NOT NULL ORDER BY l.place);
    END IF;
    SELECT CASE WHEN l = lower(l) THEN 'lower' WHEN l = upper(l) THEN 'upper'
        WHEN l = upper(left(l, 1)) || lower(substr(l, 2)) THEN 'title' END
    INTO style
    FROM unnest(known || ARRAY(SELECT v.value FROM jsonb_each_text(given) AS v WHERE v.value IS NOT NULL))
        WITH ORDINALITY AS k (l, n)
    ORDER BY k.n LIMIT 1;

    FOR s IN
        SELECT d.state, COALESCE(given ? d.state::text, false) AS is_given, given ->> d.state::text AS label
        FROM unnest(msgstatus.delivery_states()) AS d (state)
    LOOP
        IF NOT s.is_given THEN
            SELECT c.label INTO s.label
            FROM (
                SELECT k.n, k.label FROM unnest(known) WITH ORDINALITY AS k (label, n)
                WHERE msgstatus.state_named(k.label) = s.state
                UNION ALL
                SELECT NULL, CASE style WHEN 'upper' THEN upper(s.state::text)
                    WHEN 'title' THEN upper(left(s.state::text, 1)) || substr(s.state::text, 2) ELSE s.state::text END
            ) AS c
            WHERE any_text OR msgstatus.column_takes(target, column_number, c.label)
            ORDER BY c.n LIMIT 1;
        ELSIF NOT any_text AND NOT msgstatus.column_takes(target, column_number, s.label) THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('the column cannot hold %s, the spelling of state %s', quote_literal(s.label), s.state);
        END IF;
        IF s.label IS NOT NULL THEN
            held := held || s.state;
            spelling := spelling || jsonb_build_object(s.state::text, s.label);
        END IF;
    END LOOP;

    -- A state without a label of its own takes the label of the nearest state, unless it was given as null.
    FOR s IN
        SELECT d.state, msgstatus.nearest_state(d.state, held) AS nearest
        FROM unnest(msgstatus.delivery_states()) AS d (state)
        WHERE NOT spelling ? d.state::text AND COALESCE(NOT given ? d.state::text, true)
    LOOP
        spelling := spelling || jsonb_build_object(s.state::text, spelling -> s.nearest::text);
    END LOOP;
    RETURN jsonb_strip_nulls(spelling);
END
$$;
COMMENT ON FUNCTION msgstatus.state_spelling(regclass, smallint, jsonb, boolean) IS
    'The spelling of each state that a column can hold: as given, as found in the column, else in its style; 22023 for a given spelling that it cannot hold';
