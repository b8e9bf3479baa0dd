CREATE FUNCTION msgstatus.apply_fetched(
    messages jsonb[],
    OUT received integer, OUT applied integer, OUT unchanged integer, OUT rejected integer, OUT ignored integer
) RETURNS SETOF record
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'apply_fetched';
COMMENT ON FUNCTION msgstatus.apply_fetched(jsonb[]) IS
    'Applies messages as the REST API of Twilio returns them, with the source twilio-api; returns a row of counts for each, in order; 22023 for a message without an id of Twilio';
