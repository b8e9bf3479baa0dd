-- Merges a message's status into a user's jsonb timeline: existing entries stay, reached states are added, and an earlier time
-- replaces a later one.

CREATE FUNCTION msgstatus.timeline_time(value jsonb, time_zone text) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    words CONSTANT text := value #>> '{}';
BEGIN
    IF jsonb_typeof(value) <> 'string' THEN
        RETURN NULL;
    END IF;
    RETURN CASE WHEN words ~* '(z|[+-]\d\d(:?\d\d)?)$' THEN words::timestamptz
        ELSE words::timestamp AT TIME ZONE time_zone END;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.timeline_time(jsonb, text) IS
    'The time that a text in a timeline names, in this time zone unless it has one; NULL for another value';

CREATE FUNCTION msgstatus.merge_differing_timelines(timeline jsonb, reached jsonb, time_zone text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    earlier jsonb;
BEGIN
    IF jsonb_typeof(timeline) = 'null' THEN
        RETURN reached;
    ELSIF jsonb_typeof(timeline) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('timeline must be a JSON object, not of type %s', jsonb_typeof(timeline)),
            HINT = 'Write, for example, {"sent": "2024-12-10T10:30:00Z"}.';
    END IF;
    SELECT jsonb_object_agg(r.key, r.value) INTO earlier
    FROM jsonb_each(reached) AS r
    WHERE jsonb_typeof(timeline -> r.key) = 'null'
        OR (r.value #>> '{}')::timestamptz < msgstatus.timeline_time(timeline -> r.key, time_zone);
    RETURN reached || timeline || COALESCE(earlier, '{}');
END
$$;
COMMENT ON FUNCTION msgstatus.merge_differing_timelines(jsonb, jsonb, text) IS
    'merge_timeline() for timelines with different values for a state; 22023 for a timeline that is no object';

-- A body parsed at creation, so that PostgreSQL inlines it: mostly nothing differs, and two concatenations do all the work.
CREATE FUNCTION msgstatus.merge_timeline(timeline jsonb, reached jsonb, time_zone text) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN CASE
        WHEN timeline IS NULL THEN reached
        WHEN pg_catalog.jsonb_typeof(timeline) OPERATOR(pg_catalog.=) 'object'
            AND (timeline OPERATOR(pg_catalog.||) reached)
                OPERATOR(pg_catalog.=) (reached OPERATOR(pg_catalog.||) timeline)
            THEN timeline OPERATOR(pg_catalog.||) reached
        ELSE msgstatus.merge_differing_timelines(timeline, reached, time_zone)
    END;
COMMENT ON FUNCTION msgstatus.merge_timeline(jsonb, jsonb, text) IS
    'A user''s timeline merged with the reached states: existing times stay unless a state was reached earlier; times without a time zone are in the given one';

CREATE FUNCTION msgstatus.add_entries(
    entries jsonb, observed jsonb, members text[], spelling jsonb, labels text[], meanings msgstatus.delivery_state[]
) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present CONSTANT jsonb := COALESCE(NULLIF(entries, 'null'), '[]');
BEGIN
    IF jsonb_typeof(present) <> 'array' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('list of statuses must be a JSON array, not of type %s', jsonb_typeof(present)),
            HINT = format('Write, for example, [{"%s": "sent", "%s": "2024-12-10T10:30:00Z"}].', members[1], members[2]);
    END IF;
    -- States that share a word share an entry, of the earliest.
    RETURN present || COALESCE((
        SELECT jsonb_agg(jsonb_build_object(members[1], a.word, members[2], a.at) ORDER BY a.at::timestamptz, a.place)
        FROM (
            SELECT spelling ->> o.key AS word, (array_agg(o.value ORDER BY o.value::timestamptz))[1] AS at, min(o.key::msgstatus.delivery_state) AS place
            FROM jsonb_each_text(observed) AS o
            WHERE spelling ? o.key
            GROUP BY 1
        ) AS a
        WHERE lower(a.word) NOT IN (
            SELECT COALESCE(lower(spelling ->> meanings[array_position(labels, lower(e.entry ->> members[1]))]::text),
                lower(e.entry ->> members[1]), '')
            FROM jsonb_array_elements(present) AS e (entry)
        )), '[]');
END
$$;
COMMENT ON FUNCTION msgstatus.add_entries(jsonb, jsonb, text[], jsonb, text[], msgstatus.delivery_state[]) IS
    'A user''s array of statuses with an entry added for each observed state that has none, in the order of time; 22023 for another value';

CREATE FUNCTION msgstatus.spell_timeline(reached jsonb, spelling jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT COALESCE(jsonb_object_agg(spelling ->> r.key, r.value), '{}') FROM jsonb_each(reached) AS r WHERE spelling ? r.key
$$;
COMMENT ON FUNCTION msgstatus.spell_timeline(jsonb, jsonb) IS
    'A timeline with a table''s own labels for the states, without states that have no label';
