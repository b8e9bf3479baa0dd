-- Created by install(): the table of one row that holds the version of the tables and views.

CREATE FUNCTION msgstatus.install_installation() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.installation (
        version text NOT NULL,
        installed_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE UNIQUE INDEX IF NOT EXISTS installation_is_one_row ON msgstatus.installation ((true));
    COMMENT ON INDEX msgstatus.installation_is_one_row IS 'Limits the table to one row';
    COMMENT ON TABLE msgstatus.installation IS 'The version of the extension to which the tables and views belong';
    COMMENT ON COLUMN msgstatus.installation.version IS 'The version, as in pg_extension.extversion';
    COMMENT ON COLUMN msgstatus.installation.installed_at IS 'When install() last changed the version';
END
$$;
COMMENT ON FUNCTION msgstatus.install_installation() IS 'Creates the table installation; called by install()';
