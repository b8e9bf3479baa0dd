-- preview_attach(): returns what attach_table() would do, and changes nothing.

CREATE FUNCTION msgstatus.preview_attach(
    target regclass, key_column name, columns jsonb DEFAULT NULL, time_zone text DEFAULT 'UTC'
) RETURNS TABLE (
    column_name name, type text, fact text, spelling jsonb, remark text
)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    of_history CONSTANT boolean := msgstatus.is_history(preview_attach.columns);
BEGIN
    PERFORM msgstatus.check_installation();
    RETURN QUERY
    WITH resolved AS (
        SELECT * FROM msgstatus.attached_columns(target, key_column, preview_attach.columns)
    ), remark AS (
        SELECT 1 AS part, t.column_number::integer AS place, t.column_name, t.type, r.fact, r.spelling,
            CASE
                WHEN r.problem IS NOT NULL THEN format('ERROR %s: %s. %s', r.problem, r.message, r.hint)
                WHEN t.column_name = preview_attach.key_column THEN 'the key' || COALESCE((
                    SELECT format(': %s row%s %s', k.match, CASE k.match WHEN 1 THEN ' has' ELSE 's have' END,
                        CASE WHEN k.messages < 10000 THEN 'the id of a known message'
                            ELSE 'the id of one of the 10,000 latest messages' END)
                    FROM msgstatus.matching_rows(target, key_column) AS k WHERE k.match > 0), '')
                WHEN r.fact = 'state' THEN NULLIF(concat_ws('; ', CASE WHEN of_history THEN 'each status inserts a row' END,
                    'no word for ' || (SELECT string_agg(s.state::text, ', ')
                    FROM unnest(msgstatus.delivery_states()) AS s (state) WHERE NOT r.spelling ? s.state::text)), '')
                WHEN r.fact = 'timeline' AND preview_attach.columns #> '{timeline,entries}' IS NOT NULL THEN
                    'each status adds an entry to the array'
                WHEN r.fact IS NOT NULL AND t.base_type = 'timestamp'::regtype THEN
                    'in the time zone ' || preview_attach.time_zone
                WHEN r.fact IS NOT NULL THEN NULL
                WHEN possible.fact IS NULL THEN NULL
                WHEN COALESCE(preview_attach.columns, '{}') ? possible.fact THEN
                    format('left out: %s was given', possible.fact)
                WHEN t.generated <> '' THEN 'left out: a generated column'
                WHEN t.identity <> '' THEN 'left out: an identity column'
                WHEN possible.fact = 'state' AND t.base_type IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) THEN
                    format('left out: say which number is which state: {"state": {"column": %s, "spelling": {"sent": 1}}}',
                        to_json(t.column_name))
                WHEN msgstatus.given_type_fits(possible.kind, t.base_type, t.base_typmod) THEN
                    format('left out: may be given as %s', possible.fact)
                WHEN NOT possible.fits THEN
                    format('left out: %s takes %s', possible.fact, msgstatus.fact_types(possible.kind))
                WHEN EXISTS (SELECT FROM resolved AS o WHERE o.fact = possible.fact) THEN
                    format('left out: another column shows %s', possible.fact)
                WHEN NOT possible.found THEN format('left out: may be given as %s', possible.fact)
                ELSE format('left out: cannot hold %s', possible.fact)
            END AS remark
        FROM msgstatus.column_types(target) AS t
        LEFT JOIN resolved AS r ON r.column_name = t.column_name
        -- The fact that the name of the column suggests.
        LEFT JOIN LATERAL (
            SELECT a.fact, a.kind, b.simple = ANY (a.names) AS found,
                msgstatus.type_fits(a.kind, t.base_type, t.base_typmod) AS fits
            FROM msgstatus.attachable_facts(of_history) AS a, replace(lower(t.column_name), '_', '') AS b (simple)
            WHERE b.simple = ANY (a.names) OR b.simple = replace(a.fact, '_', '')
            ORDER BY fits DESC, a.place
            LIMIT 1
        ) AS possible ON true
        UNION ALL
        SELECT 2, row_number() OVER ()::integer, NULL, NULL, r.fact, NULL,
            format('ERROR %s: %s. %s', r.problem, r.message, r.hint)
        FROM resolved AS r WHERE r.column_name IS NULL
        UNION ALL
        SELECT 3, row_number() OVER ()::integer, NULL, NULL, NULL, NULL,
            format('%s: %s. %s', CASE p.problem WHEN '01000' THEN 'WARNING' ELSE 'ERROR ' || p.problem END,
                p.message, p.hint)
        FROM (
            SELECT * FROM msgstatus.target_problems(target, key_column, of_history)
            UNION ALL
            -- As attach_table() does, it looks at the rows only if everything else is right.
            SELECT c.* FROM msgstatus.content_problems(target, key_column,
                msgstatus.attached_mapping(target, key_column, preview_attach.columns), preview_attach.time_zone) AS c
            WHERE NOT EXISTS (SELECT FROM resolved AS r WHERE r.problem IS NOT NULL)
                AND NOT EXISTS (SELECT FROM msgstatus.target_problems(target, key_column, of_history) AS t WHERE t.problem <> '01000')
        ) AS p
    )
    SELECT m.column_name, m.type, m.fact, m.spelling, m.remark FROM remark AS m ORDER BY m.part, m.place;
END
$$;
COMMENT ON FUNCTION msgstatus.preview_attach(regclass, name, jsonb, text) IS
    'The fact that each column of a table would show after attach_table, and the problems; changes nothing';
