-- The statement that brings rows of a user's table up to date. It runs with the user's search_path, so that it names
-- everything by schema; with generic values, `n`, that are computed once for each message; and changes no row in which
-- nothing is new.

CREATE FUNCTION msgstatus.spelled_states(spelling jsonb, given jsonb DEFAULT '{}')
    RETURNS TABLE (labels text[], states msgstatus.delivery_state[], contested boolean)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A label that stands for several states may mean the highest of them, unless another one has a place in between: with
    -- OK for sent and for read, a row that is OK may still fail. The other labels are the usual words, unless the table
    -- uses them for something else. A word to be kept counts as the highest state, so that none replaces it.
    WITH spelled AS (
        SELECT s.key::msgstatus.delivery_state AS state, s.value AS spelled, lower(s.value) AS label
        FROM jsonb_each_text(spelling) AS s
    ), range AS (
        SELECT s.label, min(s.state) AS lowest, max(s.state) AS highest,
            array_agg(DISTINCT s.spelled) AS spelled
        FROM spelled AS s GROUP BY s.label
    ), own AS (
        SELECT r.label, CASE WHEN c.contested THEN r.lowest ELSE r.highest END AS state, r.spelled, c.contested
        FROM range AS r, LATERAL (
            SELECT EXISTS (SELECT FROM spelled AS s WHERE s.label <> r.label
                AND s.state > r.lowest AND s.state < r.highest)
        ) AS c (contested)
    ), told AS (
        SELECT m.key AS word, m.value::msgstatus.delivery_state AS state FROM jsonb_each_text(given -> 'means') AS m
        UNION ALL
        SELECT k.word, (SELECT max(d.state) FROM unnest(msgstatus.delivery_states()) AS d (state))
        FROM jsonb_array_elements_text(given -> 'keep') AS k (word)
    ), usual AS (
        SELECT w.label, msgstatus.state_named(w.label) AS state
        FROM unnest(msgstatus.delivery_states()::text[]
            || '{enqueued,submitted,dispatched,cancelled,receiving}'::text[]) AS w (label)
        WHERE w.label NOT IN (SELECT o.label FROM own AS o UNION ALL SELECT lower(t.word) FROM told AS t)
    ), known AS (
        SELECT o.label, o.state FROM own AS o
        UNION ALL
        SELECT * FROM usual
        UNION ALL
        -- As the table spells it, so that mostly nothing has to be put into lower case.
        SELECT s.label, o.state FROM own AS o, unnest(o.spelled) AS s (label) WHERE s.label <> o.label
        UNION
        SELECT lower(t.word), t.state FROM told AS t
        UNION
        SELECT t.word, t.state FROM told AS t
    )
    SELECT array_agg(k.label ORDER BY k.label COLLATE "C"), array_agg(k.state ORDER BY k.label COLLATE "C"),
        (SELECT bool_or(o.contested) FROM own AS o)
    FROM known AS k
$$;
COMMENT ON FUNCTION msgstatus.spelled_states(jsonb, jsonb) IS
    'The labels that a column may hold, in lower case and as they are spelled, and the state that each means; and whether one stands for states between which another has a place';

CREATE FUNCTION msgstatus.state_with_a_word(spelling jsonb) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- What was sent and delivered was sent, also where a table has no word for delivered and learns of both at once.
    SELECT CASE WHEN count(*) FILTER (WHERE NOT spelling ? s.state::text) = 0 THEN 'msgstatus.state(c.status)'
        ELSE format('CASE WHEN msgstatus.state(c.status) OPERATOR(pg_catalog.=) ANY (%L::msgstatus.delivery_state[])'
            ' THEN CASE %s END ELSE msgstatus.state(c.status) END',
            array_agg(s.state) FILTER (WHERE NOT spelling ? s.state::text),
            string_agg(format('WHEN c.status OPERATOR(msgstatus.?) %1$L THEN %1$L::msgstatus.delivery_state', s.state),
                ' ' ORDER BY s.place DESC) FILTER (WHERE spelling ? s.state::text)) END
    FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS s (state, place)
$$;
COMMENT ON FUNCTION msgstatus.state_with_a_word(jsonb) IS
    'The expression for the highest state that a message has reached and a spelling has a word for';

CREATE FUNCTION msgstatus.reflecting_update(target regclass, key_column name, columns jsonb, time_zone text)
    RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    f record;
    key record;
    unit text;       -- of a time that is a number
    shown text;      -- the column, of the row
    value text;      -- of the message
    merged text;     -- of the row, then
    news text;       -- whether that is another one
    is_below text;   -- whether the row's state is below the one that follows
    contested boolean;
    shown_state text;
    key_equals text;
    failed_columns text := (
        SELECT string_agg(format('t.%I IS NOT NULL', c.value ->> 'column'), ' OR ' ORDER BY c.key)
        FROM jsonb_each(columns) AS c WHERE c.key = 'failed_at' OR c.key = 'undelivered_at' AND columns ? 'failed_at');
    shows_failure text;
    selected text[] := '{}';
    settings text[] := '{}';
    conditions text[] := '{}';
    later text;      -- whether a time of change or check is a later one; decides only where nothing else is shown
BEGIN
    SELECT * INTO STRICT key FROM msgstatus.column_types(target) AS t WHERE t.column_name = key_column;
    -- An id that is no value of the key's type, as the key spells it, belongs to no row.
    selected := ARRAY[CASE
        WHEN key.base_type = 'uuid'::regtype THEN
            'CASE WHEN c.message_id OPERATOR(pg_catalog.~) ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'''
            ' THEN c.message_id::pg_catalog.uuid END AS key'
        WHEN key.base_type IN ('integer'::regtype, 'bigint'::regtype) THEN
            'CASE WHEN c.message_id OPERATOR(pg_catalog.~) ''^(0|[1-9][0-9]{0,18})$'' THEN CASE WHEN c.message_id::numeric'
            ' OPERATOR(pg_catalog.<=) 9223372036854775807 THEN c.message_id::bigint END END AS key'
        ELSE format('(c.message_id%s) COLLATE %s AS key',
            CASE WHEN key.base_type = 'bpchar'::regtype THEN '::pg_catalog.bpchar'
                WHEN key.base_type NOT IN ('text'::regtype, 'varchar'::regtype) THEN '::' || key.base_name END,
            key.collation_name) END];
    -- citext finds the row by its index in any case of letters; the ids of messages differ by case.
    key_equals := (SELECT format('t.%1$I OPERATOR(%2$I.=) n.key AND t.%1$I::pg_catalog.text COLLATE pg_catalog."C"'
            ' OPERATOR(pg_catalog.=) n.key::pg_catalog.text COLLATE pg_catalog."C"', key_column, s.nspname)
        FROM pg_type AS y JOIN pg_namespace AS s ON s.oid = y.typnamespace
        WHERE y.oid = key.base_type AND y.typname = 'citext');

    IF columns ? 'state' THEN
        SELECT format('msgstatus.label_is_below(t.%I::pg_catalog.text, %L::pg_catalog.text[],'
            ' %L::msgstatus.delivery_state[], ', columns #>> '{state,column}', s.labels, s.states), s.contested
        INTO is_below, contested FROM msgstatus.spelled_states(columns #> '{state,spelling}', columns -> 'state') AS s;
    END IF;
    -- What tells that a row knows of its message's failure, if the call cannot tell that it is the first to know.
    shows_failure := COALESCE(failed_columns,
        CASE
            WHEN columns #> '{state,spelling}' ? 'failed' THEN 'NOT ' || is_below || '''failed'')'
                || CASE WHEN contested THEN format(' OR pg_catalog.lower(t.%I::pg_catalog.text) OPERATOR(pg_catalog.=) %L',
                    columns #>> '{state,column}', lower(columns #>> '{state,spelling,failed}')) ELSE '' END
            WHEN columns ? 'status' THEN
                format('t.%I OPERATOR(msgstatus.?|) ''{failed,undelivered}''', columns #>> '{status,column}')
            WHEN columns ? 'timeline' THEN
                format('t.%I OPERATOR(pg_catalog.?|) %L::pg_catalog.text[]', columns #>> '{timeline,column}',
                ARRAY[columns #>> '{timeline,spelling,failed}', columns #>> '{timeline,spelling,undelivered}'])
            WHEN columns ? 'is_failed' THEN format('t.%I', columns #>> '{is_failed,column}')
            WHEN columns ? 'error_code' THEN format('t.%I IS NOT NULL', columns #>> '{error_code,column}')
            ELSE 'true'
        END);

    FOR f IN
        SELECT a.fact, a.kind, t.*
        FROM msgstatus.attachable_facts() AS a
        JOIN msgstatus.column_types(target) AS t ON t.column_name = columns -> a.fact ->> 'column'
        ORDER BY a.place
    LOOP
        shown := format('t.%I', f.column_name);
        CASE f.kind
            WHEN 'state' THEN
                shown_state := msgstatus.state_with_a_word(columns #> '{state,spelling}');
                selected := selected || format('%s AS reached', shown_state);
                value := format('(%L::pg_catalog.text[])[pg_catalog.array_position(%L::msgstatus.delivery_state[], %s)]',
                    ARRAY(SELECT s.value FROM jsonb_each_text(columns #> '{state,spelling}') AS s ORDER BY s.key),
                    ARRAY(SELECT s.key FROM jsonb_each_text(columns #> '{state,spelling}') AS s ORDER BY s.key),
                    shown_state);
                news := 'n.state IS NOT NULL AND ' || is_below || 'n.reached)'
                    || CASE WHEN contested THEN format(' AND (pg_catalog.lower(%s::pg_catalog.text)'
                        ' OPERATOR(pg_catalog.=) pg_catalog.lower(n.state::pg_catalog.text)) IS NOT TRUE', shown) ELSE '' END;
                merged := format('CASE WHEN %s THEN n.state ELSE %s END', news, shown);
            WHEN 'status' THEN
                value := 'c.status';
                news := format('(n.status OPERATOR(msgstatus.<@) %s) IS NOT TRUE', shown);
                merged := format('COALESCE(%s OPERATOR(msgstatus.||) n.status, n.status)', shown);
            WHEN 'timeline' THEN
                value := 'msgstatus.message_status_to_jsonb(c.status)';
                IF (SELECT bool_or(s.key <> s.value) OR count(*) < cardinality(msgstatus.delivery_states())
                    FROM jsonb_each_text(columns #> '{timeline,spelling}') AS s) THEN
                    value := format('msgstatus.spell_timeline(%s, %L::pg_catalog.jsonb)',
                        value, columns #> '{timeline,spelling}');
                END IF;
                merged := format('msgstatus.merge_timeline(%s, n.timeline, %L)', shown, time_zone);
                news := format('n.timeline OPERATOR(pg_catalog.<>) ''{}'''
                    ' AND (%s OPERATOR(pg_catalog.@>) n.timeline) IS NOT TRUE'
                    ' AND (%s OPERATOR(pg_catalog.=) %s) IS NOT TRUE', shown, shown, merged);
            WHEN 'time' THEN
                value := CASE
                    WHEN f.fact IN ('updated_at', 'last_status_check') THEN 'c.changed_at'
                    -- Twilio's undelivered is a failure to a table that knows no other.
                    WHEN f.fact = 'failed_at' AND NOT columns ? 'undelivered_at' THEN
                        'LEAST(msgstatus.reached_at(c.status, ''failed''),'
                        ' msgstatus.reached_at(c.status, ''undelivered''))'
                    ELSE format('msgstatus.reached_at(c.status, %L)', regexp_replace(f.fact, '_at$', ''))
                END;
                unit := columns -> f.fact ->> 'unit';
                IF f.base_type IN ('timestamp'::regtype, 'date'::regtype) THEN
                    value := format('pg_catalog.timezone(%L, %s)', time_zone, value);
                ELSIF unit IS NOT NULL THEN
                    value := format('pg_catalog.date_part(''epoch'', %s) OPERATOR(pg_catalog.*) %s', value,
                        CASE unit WHEN 'milliseconds' THEN 1000 ELSE 1 END);
                    IF f.base_type IN ('integer'::regtype, 'bigint'::regtype) THEN
                        value := format('pg_catalog.floor(%s)', value);
                    END IF;
                END IF;
                IF f.base_type IN ('text'::regtype, 'varchar'::regtype) THEN
                    -- Texts are compared as times; one that is no time is not replaced.
                    value := format('pg_catalog.to_char(pg_catalog.timezone(''UTC'', %s), ''YYYY-MM-DD"T"HH24:MI:SS"Z"'')', value);
                    news := format('n.%2$I IS NOT NULL AND (%1$s IS NULL OR %1$s OPERATOR(pg_catalog.=) '''''
                        ' OR n.%2$I::timestamp with time zone OPERATOR(pg_catalog.%4$s)'
                        ' msgstatus.timeline_time(pg_catalog.to_jsonb(%1$s), %3$L))', shown, f.fact, time_zone,
                        CASE WHEN f.fact IN ('updated_at', 'last_status_check') THEN '>' ELSE '<' END);
                    merged := format('CASE WHEN %s THEN n.%I ELSE %s END', news, f.fact, shown);
                    IF f.fact IN ('updated_at', 'last_status_check') THEN
                        later := concat_ws(' OR ', later, news);
                        news := NULL;
                    END IF;
                ELSIF f.fact IN ('updated_at', 'last_status_check') THEN
                    merged := format('GREATEST(%s, n.%I)', shown, f.fact);
                    later := concat_ws(' OR ', later, format('(%s OPERATOR(pg_catalog.>=) n.%I) IS NOT TRUE', shown, f.fact));
                    news := NULL;
                ELSE
                    merged := format('LEAST(%s, n.%I)', shown, f.fact);
                    news := format('n.%2$I IS NOT NULL AND (%1$s OPERATOR(pg_catalog.<=) n.%2$I) IS NOT TRUE',
                        shown, f.fact);
                END IF;
            WHEN 'flag' THEN
                value := CASE f.fact WHEN 'is_failed' THEN 'c.status OPERATOR(msgstatus.?|) ''{failed,undelivered}'''
                    ELSE format('msgstatus.reached_at(c.status, %L) IS NOT NULL', substr(f.fact, 4)) END;
                news := format('n.%I AND %s IS NOT TRUE', f.fact, shown);
                merged := format('CASE WHEN n.%I THEN true ELSE %s END', f.fact, shown);
            WHEN 'code', 'words' THEN
                value := CASE f.kind
                    WHEN 'code' THEN 'c.error_code'
                    ELSE 'COALESCE(c.error_title OPERATOR(pg_catalog.||) '': '''
                        ' OPERATOR(pg_catalog.||) c.error_details, c.error_title, c.error_details)'
                END;
                -- A code that is too long for the column is left out; a text is cut.
                IF f.kind = 'code' AND f.base_type IN ('varchar'::regtype, 'bpchar'::regtype)
                    AND f.base_typmod <> -1 THEN
                    value := format('CASE WHEN pg_catalog.length(%1$s::pg_catalog.text) OPERATOR(pg_catalog.<=) %2$s'
                        ' THEN %1$s END', value, f.base_typmod - 4);
                END IF;
                merged := format('COALESCE(n.%I, %s)', f.fact, shown);
                news := format('n.%2$I IS NOT NULL AND (%1$s OPERATOR(pg_catalog.=) n.%2$I) IS NOT TRUE',
                    shown, f.fact);
            WHEN 'count' THEN
                selected := selected || 'c.status OPERATOR(msgstatus.?|) ''{failed,undelivered}'' AS failed'::text;
                value := 'c.failures';
                news := format('COALESCE(n.retry_count OPERATOR(pg_catalog.>) 0, n.failed AND (%s) IS NOT TRUE)',
                    shows_failure);
                merged := format('COALESCE(%s, 0) OPERATOR(pg_catalog.+) CASE WHEN %s THEN 1 ELSE 0 END', shown, news);
        END CASE;
        -- In the very type of the column, so that what it cannot tell apart (fractions of a second, the end of a long
        -- text) is no news.
        IF f.kind NOT IN ('status', 'timeline', 'count') THEN
            value := format('(%s)::%s', value, f.base_name);
        END IF;
        selected := selected || format('%s AS %I', value, f.fact);
        settings := settings || format('%I = %s', f.column_name, merged);
        conditions := conditions || news;
    END LOOP;

    -- OFFSET 0 has the values computed in a step of their own, in the order of the messages, which is that of the
    -- locks.
    RETURN format(E'UPDATE %s AS t SET\n    %s\n'
        'FROM (\n    SELECT %s\n    FROM pg_catalog.unnest($1) AS c\n    OFFSET 0\n) AS n\n'
        'WHERE %s AND (\n    %s)',
        (SELECT format('%I.%I', n.nspname, c.relname)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target),
        array_to_string(settings, E',\n    '), array_to_string(selected, E',\n        '),
        COALESCE(key_equals, format('t.%I OPERATOR(pg_catalog.=) n.key', key_column)),
        COALESCE((SELECT string_agg(format('(%s)', u.w), E'\n    OR ' ORDER BY u.p)
            FROM unnest(conditions) WITH ORDINALITY AS u (w, p) WHERE u.w IS NOT NULL), later));
END
$$;
COMMENT ON FUNCTION msgstatus.reflecting_update(regclass, name, jsonb, text) IS
    'The UPDATE that brings rows of a table up to date with the messages in its parameter, a reflection[]';
