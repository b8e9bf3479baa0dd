-- Called by install(): the statements of attached tables, which an earlier version wrote.

CREATE FUNCTION msgstatus.install_attached_statements() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    attached record;
    remade text;
BEGIN
    FOR attached IN
        SELECT a.attached_table_id, a.target, a.key_column, a.columns, a.update_sql, a.time_zone
        FROM msgstatus.attached_table AS a
        -- Others have a remedy in the view attached_tables.
        WHERE EXISTS (SELECT FROM msgstatus.column_types(a.target) AS t WHERE t.column_name = a.key_column)
            AND NOT EXISTS (SELECT FROM jsonb_each(a.columns) AS c
                WHERE c.value ->> 'column' NOT IN (SELECT t.column_name FROM msgstatus.column_types(a.target) AS t))
        ORDER BY a.attached_table_id
    LOOP
        remade := msgstatus.reflecting_update(attached.target, attached.key_column, attached.columns, attached.time_zone);
        UPDATE msgstatus.attached_table AS a SET update_sql = remade
        WHERE a.attached_table_id = attached.attached_table_id AND a.update_sql <> remade;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_attached_statements() IS
    'Makes the statements of attached tables anew from their columns; called by install() when the version changes';
