-- The check that install() was called and that library, extension and tables are of one version.

CREATE FUNCTION msgstatus.check_installation() RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'check_installation';
COMMENT ON FUNCTION msgstatus.check_installation() IS
    'Raises 55000 if install() was not called, and 0A000 if the extension or its tables are of a version that the library does not support, each with a HINT';
