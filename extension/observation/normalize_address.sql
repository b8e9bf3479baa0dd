CREATE FUNCTION msgstatus.normalize_address(text) RETURNS text
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'normalize_address';
COMMENT ON FUNCTION msgstatus.normalize_address(text) IS
    'A phone number as +<digits>, without whatsapp: and separators; any other address as it is';
