-- Small functions that others are built on.

CREATE FUNCTION msgstatus.check_installation() RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'check_installation';
COMMENT ON FUNCTION msgstatus.check_installation() IS
    'Raises 55000 with a HINT where install() was not called, or not for this version';
