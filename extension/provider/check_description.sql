-- What C++ knows of descriptions: whether a document is one, and those that come with the library.

CREATE FUNCTION msgstatus.check_provider_description(name text, description jsonb) RETURNS void
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'check_provider_description';
COMMENT ON FUNCTION msgstatus.check_provider_description(text, jsonb) IS
    'Raises 22023, naming the member that is wrong, unless the document describes a provider''s webhooks';

CREATE FUNCTION msgstatus.builtin_provider_descriptions(OUT name text, OUT description jsonb) RETURNS SETOF record
    LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 20
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'builtin_provider_descriptions';
COMMENT ON FUNCTION msgstatus.builtin_provider_descriptions() IS
    'The descriptions of providers that come with the library';

CREATE FUNCTION msgstatus.announce_providers() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'announce_providers';
COMMENT ON FUNCTION msgstatus.announce_providers() IS
    'Trigger on provider_description: invalidates the cached descriptions in every session, at commit';
