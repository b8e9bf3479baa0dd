-- The record of what people did by the web log: who, what, when, how many. Operators may read it. Rows come from the actions alone
-- (act_and_record): weblog_NAME() calls act_weblog_NAME() with the rights of the caller, and writes the row as the owner of the table.

CREATE FUNCTION msgstatus.install_action_log() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.action_log (
        action_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        role_name text NOT NULL DEFAULT CURRENT_USER,
        session_role_name text NOT NULL DEFAULT SESSION_USER,
        action text NOT NULL,
        detail jsonb,
        affected bigint
    );
    COMMENT ON TABLE msgstatus.action_log IS 'What people did by the web log, never with numbers or contents of messages';
    COMMENT ON COLUMN msgstatus.action_log.action_id IS 'Key';
    COMMENT ON COLUMN msgstatus.action_log.done_at IS 'When';
    COMMENT ON COLUMN msgstatus.action_log.role_name IS 'Who: the role that acted';
    COMMENT ON COLUMN msgstatus.action_log.session_role_name IS 'The role that signed in; another one where a proxy signs people in';
    COMMENT ON COLUMN msgstatus.action_log.action IS 'refresh, refresh_pending or replay';
    COMMENT ON COLUMN msgstatus.action_log.detail IS 'What was asked for, and the numbers that came of it';
    COMMENT ON COLUMN msgstatus.action_log.affected IS 'How many messages or dead letters it concerned';
END
$$;
COMMENT ON FUNCTION msgstatus.install_action_log() IS 'Makes the table action_log; called by install()';

CREATE TYPE msgstatus.weblog_action AS (
    answer jsonb,
    action text,
    detail jsonb,
    affected bigint
);
COMMENT ON TYPE msgstatus.weblog_action IS 'What an action of the web log answers, and what action_log keeps of it';
