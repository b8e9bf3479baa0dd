-- Created by install(): the view of the tables that are attached.

CREATE FUNCTION msgstatus.install_attached_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.attached_tables AS
    SELECT a.target,
        EXISTS (SELECT FROM pg_class AS c WHERE c.oid = a.target) AS is_there,
        a.key_column,
        a.columns,
        a.time_zone,
        a.attached_by,
        a.attached_at,
        COALESCE(f.failures, 0) AS failures,
        l.failed_at AS last_failed_at,
        l.error_code AS last_error_code,
        l.error_message AS last_error,
        CASE
            WHEN c.oid IS NULL THEN 'The table was dropped; maintain() removes its entry.'
            WHEN g.key_is_gone THEN
                format('Column "%s" does not exist any more. Attach the table again, by what the key is called now: SELECT'
                    ' msgstatus.attach_table(%L, ...);', a.key_column, a.target)
            WHEN g.columns IS NOT NULL THEN
                format('Columns that do not exist any more: %s. Attach the table again, giving columns that are not found by their'
                    ' names: SELECT msgstatus.attach_table(%s);', g.columns, f.again)
            WHEN NOT starts_with(a.update_sql, format(CASE f.form WHEN 'history' THEN 'INSERT INTO %I.%I AS t' ELSE 'UPDATE %I.%I AS t' END,
                n.nspname, c.relname)) THEN
                format('The table was renamed. Attach it again: SELECT msgstatus.attach_table(%s);', f.again)
            WHEN f.failures > 0 THEN
                format('Remove the cause, or if it is a changed column, attach the table again. Then: SELECT'
                    ' msgstatus.resync_table(%L);', a.target)
        END AS remedy,
        f.form
    FROM msgstatus.attached_table AS a
    LEFT JOIN LATERAL (
        SELECT count(*) AS failures,
            CASE WHEN a.columns #> '{state,history}' = 'true' THEN 'history' ELSE 'update' END AS form,
            format('%L, %L', a.target, a.key_column) || CASE WHEN a.columns #> '{state,history}' = 'true'
                THEN format(', %L', jsonb_build_object('state', (a.columns -> 'state') - 'spelling')) ELSE '' END AS again
        FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = a.attached_table_id
    ) AS f ON true
    LEFT JOIN LATERAL (
        SELECT f.failed_at, f.error_code, f.error_message
        FROM msgstatus.attached_table_failure AS f
        WHERE f.attached_table_id = a.attached_table_id
        ORDER BY f.failed_at DESC, f.message_id
        LIMIT 1
    ) AS l ON true
    LEFT JOIN pg_class AS c ON c.oid = a.target
    LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT bool_or(m.is_key) AS key_is_gone, string_agg(quote_ident(m.name), ', ' ORDER BY m.name) AS columns
        FROM (
            SELECT a.key_column::text AS name, true AS is_key
            UNION ALL
            SELECT e.value ->> 'column', false FROM jsonb_each(a.columns) AS e
        ) AS m
        WHERE NOT EXISTS (SELECT FROM pg_attribute AS t WHERE t.attrelid = a.target AND t.attname = m.name AND NOT t.attisdropped)
    ) AS g ON true;
    COMMENT ON VIEW msgstatus.attached_tables IS 'Attached tables, and the number of messages whose rows could not be updated';
END
$$;
COMMENT ON FUNCTION msgstatus.install_attached_views() IS 'Creates the view attached_tables; called by install()';
