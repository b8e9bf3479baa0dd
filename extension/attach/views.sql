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
        l.error_message AS last_error
    FROM msgstatus.attached_table AS a
    LEFT JOIN LATERAL (
        SELECT count(*) AS failures
        FROM msgstatus.attached_table_failure AS f WHERE f.attached_table_id = a.attached_table_id
    ) AS f ON true
    LEFT JOIN LATERAL (
        SELECT f.failed_at, f.error_code, f.error_message
        FROM msgstatus.attached_table_failure AS f
        WHERE f.attached_table_id = a.attached_table_id
        ORDER BY f.failed_at DESC, f.message_id
        LIMIT 1
    ) AS l ON true;
    COMMENT ON VIEW msgstatus.attached_tables IS 'Attached tables, and the number of messages whose rows could not be updated';
END
$$;
COMMENT ON FUNCTION msgstatus.install_attached_views() IS 'Creates the view attached_tables; called by install()';
