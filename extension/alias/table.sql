-- What install() makes: the ids that messages have beside their own.

CREATE FUNCTION msgstatus.install_message_alias() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.message_alias (
        alias text COLLATE "C" PRIMARY KEY,
        message_id text COLLATE "C" NOT NULL,
        is_alias boolean NOT NULL DEFAULT true,
        learnt_at timestamptz NOT NULL DEFAULT now()
    );
    -- Not IF NOT EXISTS, which would wait for the calls under way to end.
    IF to_regclass('msgstatus.message_alias_message_id') IS NULL THEN
        CREATE INDEX message_alias_message_id ON msgstatus.message_alias (message_id);
        COMMENT ON INDEX msgstatus.message_alias_message_id IS 'The other ids of a message';
    END IF;
    COMMENT ON TABLE msgstatus.message_alias IS 'The further ids of messages that have several; written by msgstatus alone';
    COMMENT ON COLUMN msgstatus.message_alias.alias IS 'An id by which reports or senders name the message';
    COMMENT ON COLUMN msgstatus.message_alias.message_id IS
        'The id under which the message is kept, which is never itself kept under another one';
    COMMENT ON COLUMN msgstatus.message_alias.is_alias IS
        'Whether somebody called this id the alias; false where it gave way to a smaller id of the same message, and where it names itself, being forgotten as an alias';
    COMMENT ON COLUMN msgstatus.message_alias.learnt_at IS 'When it became known';
END
$$;
COMMENT ON FUNCTION msgstatus.install_message_alias() IS 'Makes the table message_alias; called by install()';

CREATE FUNCTION msgstatus.reads_aliases() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- NULL where an earlier version made the tables.
    SELECT COALESCE(has_table_privilege(to_regclass('msgstatus.message_alias')::oid, 'SELECT'), false)
$$;
COMMENT ON FUNCTION msgstatus.reads_aliases() IS
    'May the caller read message_alias? Who was given rights by hand may lack this one, and attaches tables nevertheless';

CREATE FUNCTION msgstatus.messages_named(ids text[]) RETURNS TABLE (id text, message_id text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF msgstatus.reads_aliases() THEN
        RETURN QUERY SELECT k.id, COALESCE(a.message_id, k.id)
        FROM unnest(ids) AS k (id) LEFT JOIN msgstatus.message_alias AS a ON a.alias = k.id;
    ELSE
        RETURN QUERY SELECT k.id, k.id FROM unnest(ids) AS k (id);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.messages_named(text[]) IS 'The ids under which the messages with these ids are kept';
