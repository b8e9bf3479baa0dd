-- What the rows of a user's table say about an attachment: words that a status would overwrite, rows that are not a message
-- each, a key that matches nothing, rows that a policy hides.

CREATE FUNCTION msgstatus.attached_mapping(target regclass, key_column name, columns jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Beside its column and spelling, what a fact was given stays as it was given.
    SELECT jsonb_object_agg(c.fact, jsonb_strip_nulls(jsonb_build_object('column', c.column_name, 'spelling', c.spelling))
        || CASE WHEN jsonb_typeof(columns -> c.fact) = 'object' THEN (columns -> c.fact) - '{column,spelling}'::text[]
            ELSE '{}' END)
    FROM msgstatus.attached_columns(target, key_column, columns) AS c WHERE c.problem IS NULL
$$;
COMMENT ON FUNCTION msgstatus.attached_mapping(regclass, name, jsonb) IS
    'The facts that the columns of a table show, as attach_table() stores and returns them';

CREATE FUNCTION msgstatus.words_listed(words text[], rows bigint[]) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(quote_literal(w.word)
            || CASE WHEN w.n IS NULL THEN '' ELSE format(' (%s row%s)', w.n, CASE WHEN w.n <> 1 THEN 's' END) END,
        ', ' ORDER BY w.place) FILTER (WHERE w.place <= 10)
        || CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END
    FROM unnest(words, rows) WITH ORDINALITY AS w (word, n, place)
$$;
COMMENT ON FUNCTION msgstatus.words_listed(text[], bigint[]) IS
    'Words, with the number of their rows where it is known, as a text for messages';

CREATE FUNCTION msgstatus.word_problems(target regclass, key_column name, mapping jsonb, as_caller boolean)
    RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given CONSTANT jsonb := mapping -> 'state';
    shown record;
    key record;
    known text[];
    found jsonb;
    words text[];
    advice text;
    messages bigint;
BEGIN
    SELECT * INTO shown FROM msgstatus.column_types(target) AS t WHERE t.column_name = given ->> 'column';
    SELECT * INTO key FROM msgstatus.column_types(target) AS t WHERE t.column_name = key_column;
    IF shown IS NULL OR key IS NULL THEN
        RETURN;
    END IF;
    IF NOT given -> 'spelling' ?| '{failed,undelivered}' THEN
        RETURN QUERY SELECT '01000',
            format('column "%s" of %s has no word for failed', shown.column_name, target),
            CASE WHEN msgstatus.is_history(mapping) THEN 'A message that fails inserts no row.'
                ELSE 'A message that fails keeps the state that it had before.' END;
    END IF;
    -- Its rows are not changed.
    IF msgstatus.is_history(mapping) THEN
        RETURN;
    END IF;

    -- A word that means no state counts as the lowest: any status would replace it.
    known := (SELECT s.labels FROM msgstatus.spelled_states(given -> 'spelling', given) AS s)
        || CASE WHEN jsonb_typeof(given -> 'replace') = 'array'
            THEN ARRAY(SELECT lower(w.word) FROM jsonb_array_elements_text(given -> 'replace') AS w (word)) END;
    IF given -> 'replace' IS DISTINCT FROM 'true' THEN
        advice := format('Say what they mean: {"state": {"column": %1$s, "means": {%2$s: "failed"}}}; or "keep": [%2$s] if no status'
            ' may replace them; or "replace": [%2$s] if each may.', replace(to_json(shown.column_name)::text, '%', '%%'), '%s');
        found := msgstatus.unknown_words(target, shown.column_number, key.column_number, known);
        IF found IS NULL AND as_caller THEN
            -- Policies hide rows, so those that the caller sees, and would update, are read with its rights.
            EXECUTE format($query$
                SELECT COALESCE(jsonb_agg(jsonb_build_object('word', w.word, 'rows', w.n) ORDER BY w.n DESC, w.word), '[]')
                FROM (
                    SELECT t.%2$I::text AS word, count(*) AS n FROM %1$s AS t
                    WHERE t.%3$I IS NOT NULL AND t.%2$I::text <> '' AND lower(t.%2$I::text) <> ALL ($1)
                    GROUP BY 1 ORDER BY n DESC, word LIMIT 100
                ) AS w$query$, target, shown.column_name, key_column)
            INTO found USING known;
        END IF;
        words := ARRAY(SELECT w ->> 'word' FROM jsonb_array_elements(found) AS w);
        IF words <> '{}' THEN
            RETURN QUERY SELECT '22023',
                format('column "%s" of %s holds words that mean no state: %s', shown.column_name, target,
                    msgstatus.words_listed(words, ARRAY(SELECT (w ->> 'rows')::bigint FROM jsonb_array_elements(found) AS w))),
                format('A status would replace them. ' || advice, to_json(words[1]), to_json(words[1]), to_json(words[1]));
        END IF;
        words := ARRAY(SELECT l.label FROM msgstatus.column_literals(target, shown.column_number) AS l
            WHERE l.label <> '' AND lower(l.label) <> ALL (known) AND l.label <> ALL (words)
                AND msgstatus.column_takes(target, shown.column_number, l.label)
            GROUP BY l.label ORDER BY min(l.place));
        IF words <> '{}' THEN
            RETURN QUERY SELECT '01000',
                format('column "%s" of %s may hold words that mean no state: %s', shown.column_name, target,
                    msgstatus.words_listed(words, NULL)),
                format('A status replaces them. ' || advice, to_json(words[1]), to_json(words[1]), to_json(words[1]));
        END IF;
    END IF;

    IF given -> 'every_row' IS DISTINCT FROM 'true' AND NOT msgstatus.key_is_unique(target, key_column) THEN
        messages := msgstatus.keys_with_different_words(target, shown.column_number, key.column_number);
        IF messages > 0 THEN
            RETURN QUERY SELECT '22023',
                format('%s has rows of the same message with different states, for %s message%s', target, messages,
                    CASE WHEN messages <> 1 THEN 's' ELSE '' END),
                format('Every row of a message would show its last state, and the history would be lost. To have each status'
                    ' insert a row instead: {"state": {"column": %1$s, "history": true}}. If every row is to show the last'
                    ' state: {"state": {"column": %1$s, "every_row": true}}.', to_json(shown.column_name));
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.word_problems(regclass, name, jsonb, boolean) IS
    'The problems with the words that the state''s column holds or may hold, each with a SQLSTATE and a hint; 01000 is only a warning';

CREATE FUNCTION msgstatus.matching_rows(target regclass, key_column name)
    RETURNS TABLE (match bigint, messages bigint, example text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The latest messages are enough to tell a wrong column, and keep the list that is looked for short.
    SELECT msgstatus.rows_with_keys(target, k.column_number, l.ids), cardinality(l.ids), l.ids[1]
    FROM msgstatus.column_types(target) AS k, (
        SELECT ARRAY(SELECT m.message_id FROM msgstatus.message AS m ORDER BY m.created_at DESC LIMIT 10000) AS ids
    ) AS l
    WHERE k.column_name = key_column
$$;
COMMENT ON FUNCTION msgstatus.matching_rows(regclass, name) IS
    'How many rows of a table have the id of one of the 10,000 latest messages, how many messages that are, and one of them; match is NULL if the rows cannot be read';

CREATE FUNCTION msgstatus.timeline_problems(target regclass, mapping jsonb)
    RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shown CONSTANT name := mapping #>> '{timeline,column}';
    lists CONSTANT boolean := COALESCE(mapping -> 'timeline' ? 'entries', false);
    found jsonb;
    members text[];
BEGIN
    SELECT s.label::jsonb INTO found
    FROM msgstatus.column_types(target) AS t, unnest(msgstatus.column_sample(target, t.column_number)) AS s (label)
    WHERE t.column_name = shown AND (lists AND ltrim(s.label, E' \t\r\n') LIKE '{%' OR NOT lists AND ltrim(s.label, E' \t\r\n') LIKE '[%')
    ORDER BY length(s.label) DESC LIMIT 1;
    IF found IS NULL THEN
        RETURN;
    ELSIF lists THEN
        RETURN QUERY SELECT '22023', format('column "%s" of %s holds objects, not arrays of entries', shown, target),
            'Attach it without "entries": an object of states and times.';
        RETURN;
    END IF;
    -- As the first entry calls them.
    SELECT ARRAY[min(e.key) FILTER (WHERE msgstatus.state_named(e.value #>> '{}') IS NOT NULL),
        min(e.key) FILTER (WHERE msgstatus.timeline_time(e.value, 'UTC') IS NOT NULL)]
    INTO members
    FROM jsonb_each(CASE jsonb_typeof(found -> 0) WHEN 'object' THEN found -> 0 END) AS e;
    RETURN QUERY SELECT '22023', format('column "%s" of %s holds arrays, not objects of states and times', shown, target),
        format('To have each state added to the array once: {"timeline": {"column": %s, "entries": [%s, %s]}}. Or leave it out:'
            ' {"timeline": null}.', to_json(shown), to_json(COALESCE(members[1], 'status')), to_json(COALESCE(members[2], 'at')));
END
$$;
COMMENT ON FUNCTION msgstatus.timeline_problems(regclass, jsonb) IS
    'A problem if the timeline''s column holds arrays and was not attached so, or the other way round, with a SQLSTATE and a hint';

CREATE FUNCTION msgstatus.zone_problems(target regclass, mapping jsonb, time_zone text)
    RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '01000',
        format('column "%s" of %s defaults to the session''s time, here in %s, but statuses are written in %s',
            d.column_name, target, current_setting('TimeZone'), time_zone),
        format('Both are without time zone. If the application''s sessions use this zone, attach with time_zone => %L.',
            current_setting('TimeZone'))
    FROM (
        SELECT t.column_name FROM msgstatus.column_types(target) AS t
        JOIN pg_attrdef AS a ON a.adrelid = target AND a.adnum = t.column_number
        WHERE t.base_type = 'timestamp'::regtype
            AND pg_get_expr(a.adbin, a.adrelid) ~* '(now\(|current_timestamp|localtimestamp|clock_timestamp\(|statement_timestamp\()'
            AND pg_get_expr(a.adbin, a.adrelid) !~* '(time zone ''|timezone\()'
        ORDER BY t.column_number LIMIT 1
    ) AS d
    WHERE EXISTS (SELECT FROM jsonb_each(mapping) AS f JOIN msgstatus.column_types(target) AS t
            ON t.column_name = f.value ->> 'column' WHERE t.base_type = 'timestamp'::regtype)
        AND now()::timestamp <> now() AT TIME ZONE time_zone
$$;
COMMENT ON FUNCTION msgstatus.zone_problems(regclass, jsonb, text) IS
    'A warning if columns without time zone would mix the time zone of the session with that of the statuses';

CREATE FUNCTION msgstatus.content_problems(
    target regclass, key_column name, mapping jsonb, time_zone text, as_caller boolean DEFAULT false
) RETURNS TABLE (problem text, message text, hint text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key CONSTANT smallint := (SELECT t.column_number FROM msgstatus.column_types(target) AS t WHERE t.column_name = key_column);
    found record;
    held text[];
    sees_rows boolean;
BEGIN
    RETURN QUERY SELECT * FROM msgstatus.word_problems(target, key_column, mapping, as_caller);
    IF msgstatus.is_history(mapping) THEN
        RETURN QUERY SELECT * FROM msgstatus.history_problems(target, key_column, mapping);
    END IF;
    RETURN QUERY SELECT * FROM msgstatus.timeline_problems(target, mapping);
    RETURN QUERY SELECT * FROM msgstatus.zone_problems(target, mapping, time_zone);
    SELECT * INTO found FROM msgstatus.matching_rows(target, key_column);
    IF found.match = 0 AND found.messages > 0 THEN
        held := msgstatus.column_sample(target, key);
        IF held <> '{}' THEN
            RETURN QUERY SELECT '01000',
                format('column "%s" of %s holds the id of no known message', key_column, target),
                format('It holds, for example, %L; the provider''s ids look like %L. Rows with other keys never change.',
                    held[1], found.example);
        END IF;
    END IF;
    IF as_caller AND row_security_active(target) THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', target) INTO sees_rows;
        IF NOT sees_rows THEN
            RETURN QUERY SELECT '01000', format('role %I sees no row of %s', CURRENT_USER, target),
                'If the table is not empty, its policies hide all rows, and no status is shown in them.';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.content_problems(regclass, name, jsonb, text, boolean) IS
    'The problems that the rows of a table make for an attachment, each with a SQLSTATE and a hint; 01000 is only a warning';
