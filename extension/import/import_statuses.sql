-- import_statuses(): applies history that a query returns.

-- The default of search_path is evaluated where the function is called, so the query's names mean what they mean there.
CREATE FUNCTION msgstatus.import_statuses(
    query text, provider text DEFAULT NULL, source text DEFAULT 'import', notice_every bigint DEFAULT 100000,
    search_path text DEFAULT current_setting('search_path'),
    OUT received bigint, OUT applied bigint, OUT unchanged bigint, OUT rejected bigint, OUT ignored bigint
) RETURNS record
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'import_statuses';
COMMENT ON FUNCTION msgstatus.import_statuses(text, text, text, bigint, text) IS
    'Applies the observations in the rows of a query, by the names of its columns (message_id, status, sent_at, ...); returns how many rows were received, applied, unchanged, rejected and ignored';
