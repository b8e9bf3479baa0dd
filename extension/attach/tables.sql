-- Created by install(): the list of attached tables, and of the messages whose rows in them could not be updated.

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
    COMMENT ON TABLE msgstatus.attached_table IS 'Tables of users in which every applied status is reflected';
    COMMENT ON COLUMN msgstatus.attached_table.attached_table_id IS 'Key; the argument of the triggers on the table';
    COMMENT ON COLUMN msgstatus.attached_table.target IS 'The table';
    COMMENT ON COLUMN msgstatus.attached_table.key_column IS 'The column of the table that holds message ids';
    COMMENT ON COLUMN msgstatus.attached_table.columns IS 'The fact that each column shows, as found or given';
    COMMENT ON COLUMN msgstatus.attached_table.update_sql IS
        'The statement that updates rows, or inserts those of a history; its parameter is a reflection[]';
    COMMENT ON COLUMN msgstatus.attached_table.attached_by IS 'The role that attached the table, with whose rights it is updated';
    COMMENT ON COLUMN msgstatus.attached_table.search_path IS 'The search_path of its updates, which its triggers need';
    COMMENT ON COLUMN msgstatus.attached_table.time_zone IS 'The time zone of its columns of type timestamp';
    COMMENT ON COLUMN msgstatus.attached_table.attached_at IS 'When it was attached, or last attached again';
    -- Announces every change to all sessions, no matter which role makes it.
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
        'Messages whose rows in an attached table could not be updated; resync_table() tries again';
    COMMENT ON COLUMN msgstatus.attached_table_failure.attached_table_id IS 'The attached table';
    COMMENT ON COLUMN msgstatus.attached_table_failure.message_id IS 'The message';
    COMMENT ON COLUMN msgstatus.attached_table_failure.failed_at IS 'When the update last failed';
    COMMENT ON COLUMN msgstatus.attached_table_failure.error_code IS 'SQLSTATE of the last error';
    COMMENT ON COLUMN msgstatus.attached_table_failure.error_message IS 'Message of the last error';
    COMMENT ON COLUMN msgstatus.attached_table_failure.attempts IS 'How many times the update failed';
END
$$;
COMMENT ON FUNCTION msgstatus.install_attached_tables() IS
    'Creates the tables attached_table and attached_table_failure; called by install()';
