-- What install() makes: the list of attached tables, and of the messages whose rows in them could not be updated.

CREATE FUNCTION msgstatus.install_attached_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.attached_table (
        attached_table_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        target regclass NOT NULL,
        key_column name NOT NULL,
        columns jsonb NOT NULL,
        update_sql text NOT NULL,
        attached_by regrole NOT NULL,
        search_path text NOT NULL,
        time_zone text NOT NULL,
        attached_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (target, key_column)
    );
    COMMENT ON TABLE msgstatus.attached_table IS 'Tables of the user''s own in which every applied status is reflected';
    COMMENT ON COLUMN msgstatus.attached_table.attached_table_id IS 'Key; the argument of the triggers on the table';
    COMMENT ON COLUMN msgstatus.attached_table.target IS 'The table';
    COMMENT ON COLUMN msgstatus.attached_table.key_column IS 'Its column that holds message ids';
    COMMENT ON COLUMN msgstatus.attached_table.columns IS 'Which column shows what, as it was found or given';
    COMMENT ON COLUMN msgstatus.attached_table.update_sql IS
        'The statement that brings rows up to date; its parameter is a reflection[]';
    COMMENT ON COLUMN msgstatus.attached_table.attached_by IS 'The role that attached it, with whose rights it is updated';
    COMMENT ON COLUMN msgstatus.attached_table.search_path IS 'The search_path with which it is updated, for the sake of its triggers';
    COMMENT ON COLUMN msgstatus.attached_table.time_zone IS 'Of its columns that have none';
    COMMENT ON COLUMN msgstatus.attached_table.attached_at IS 'When it was attached, or last attached again';
    -- So that every session learns of a change, whoever makes it.
    CREATE OR REPLACE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON msgstatus.attached_table
        FOR EACH STATEMENT EXECUTE FUNCTION msgstatus.announce_attached_tables();

    CREATE TABLE IF NOT EXISTS msgstatus.attached_table_failure (
        attached_table_id integer NOT NULL REFERENCES msgstatus.attached_table ON DELETE CASCADE,
        message_id text COLLATE "C" NOT NULL,
        failed_at timestamptz NOT NULL DEFAULT now(),
        error_code text NOT NULL,
        error_message text NOT NULL,
        attempts integer NOT NULL DEFAULT 1,
        PRIMARY KEY (attached_table_id, message_id)
    );
    COMMENT ON TABLE msgstatus.attached_table_failure IS
        'Messages whose rows in an attached table could not be brought up to date; resync_table tries again';
    COMMENT ON COLUMN msgstatus.attached_table_failure.attached_table_id IS 'The attached table';
    COMMENT ON COLUMN msgstatus.attached_table_failure.message_id IS 'The message';
    COMMENT ON COLUMN msgstatus.attached_table_failure.failed_at IS 'When it was last tried';
    COMMENT ON COLUMN msgstatus.attached_table_failure.error_code IS 'SQLSTATE of the error then';
    COMMENT ON COLUMN msgstatus.attached_table_failure.error_message IS 'Message of the error then';
    COMMENT ON COLUMN msgstatus.attached_table_failure.attempts IS 'How many times it failed';
END
$$;
COMMENT ON FUNCTION msgstatus.install_attached_tables() IS
    'Makes the tables attached_table and attached_table_failure; called by install()';
