-- For a database that cannot have the extension msgstatus, and is to see the messages of one that has it: the tables that
-- a subscription fills, and triggers that carry each status into a table of your own. No extension, no superuser.
-- docs/managed.md says how to use it. Everything can be run again.

CREATE SCHEMA IF NOT EXISTS msgstatus;

-- The states from the lowest to the highest, as delivery_states() of the extension lists them. Without a setting of its own,
-- and so part of the statement that calls it.
CREATE OR REPLACE FUNCTION msgstatus.state_rank(state text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_position('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,
        failed,undelivered,delivered,read,played}'::text[], lower(state));
COMMENT ON FUNCTION msgstatus.state_rank(text) IS 'The place of a state in the order of states; NULL for another text';

CREATE OR REPLACE FUNCTION msgstatus.highest_state(status jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(status) = 'object' THEN CASE
        WHEN status ? 'played' THEN 'played' WHEN status ? 'read' THEN 'read' WHEN status ? 'delivered' THEN 'delivered'
        WHEN status ? 'undelivered' THEN 'undelivered' WHEN status ? 'failed' THEN 'failed' WHEN status ? 'canceled' THEN 'canceled'
        WHEN status ? 'skipped' THEN 'skipped' WHEN status ? 'partially_delivered' THEN 'partially_delivered'
        WHEN status ? 'sent' THEN 'sent' WHEN status ? 'sending' THEN 'sending' WHEN status ? 'queued' THEN 'queued'
        WHEN status ? 'accepted' THEN 'accepted' WHEN status ? 'scheduled' THEN 'scheduled' WHEN status ? 'pending' THEN 'pending'
        WHEN status ? 'received' THEN 'received' WHEN status ? 'processing' THEN 'processing' END END;
COMMENT ON FUNCTION msgstatus.highest_state(jsonb) IS 'The present state: the highest that was observed; NULL where none was';

CREATE TABLE IF NOT EXISTS msgstatus.message (
    message_id text PRIMARY KEY,
    provider text,
    direction text,
    sender text,
    recipient text,
    message_type text,
    metadata jsonb,
    campaign_id uuid,
    status jsonb NOT NULL DEFAULT '{}',
    error_code integer,
    error_title text,
    error_details text,
    price numeric,
    price_unit text,
    num_segments integer,
    pricing_category text,
    billable boolean,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    error_at timestamptz,
    state text GENERATED ALWAYS AS (msgstatus.highest_state(status)) STORED
);
COMMENT ON TABLE msgstatus.message IS 'One row for each message, as the database with the extension has it';
CREATE INDEX IF NOT EXISTS message_created_at ON msgstatus.message (created_at);

CREATE TABLE IF NOT EXISTS msgstatus.status_event (
    message_id text NOT NULL,
    state text NOT NULL,
    event_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    fingerprint bigint NOT NULL,
    digest integer NOT NULL,
    time_source text NOT NULL,
    source text,
    participant text,
    error_code integer,
    error_title text,
    error_details text,
    detail jsonb
);
COMMENT ON TABLE msgstatus.status_event IS 'The trail: one row for each distinct observation';
-- From PostgreSQL 16 on, the subscription finds the row to correct by it.
CREATE INDEX IF NOT EXISTS status_event_message_id ON msgstatus.status_event (message_id, fingerprint);

-- A table of your own, and which of its columns take what. One row a table; change it here, at any time.
CREATE TABLE IF NOT EXISTS msgstatus.carried_table (
    carried_table regclass PRIMARY KEY,
    id_column name NOT NULL,
    state_column name,
    time_columns jsonb NOT NULL DEFAULT '{}',
    error_code_column name
);
COMMENT ON TABLE msgstatus.carried_table IS 'Your tables that the status of messages is carried into';
COMMENT ON COLUMN msgstatus.carried_table.id_column IS 'The column with the id of the provider';
COMMENT ON COLUMN msgstatus.carried_table.state_column IS 'A text column for the state; it only ever rises';
COMMENT ON COLUMN msgstatus.carried_table.time_columns IS 'For each state the timestamptz column with its time: {"delivered": "delivered_at"}; the earliest stays';
COMMENT ON COLUMN msgstatus.carried_table.error_code_column IS 'An integer column for the provider''s code of a failure';

CREATE TABLE IF NOT EXISTS msgstatus.carry_failure (
    carried_table text NOT NULL,
    message_id text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    PRIMARY KEY (carried_table, message_id)
);
COMMENT ON TABLE msgstatus.carry_failure IS 'Messages whose status could not be carried into your table; catch_up() tries again';

-- The statement for one table. It merges: a state never falls, a time never becomes later. So it may run late, twice, and
-- after a resynchronisation, and it writes nothing where nothing is new.
CREATE OR REPLACE FUNCTION msgstatus.carry_statement(t msgstatus.carried_table) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        WITH target (column_name, value) AS (
            SELECT t.state_column::text, format(
                'CASE WHEN msgstatus.state_rank(m.state) > COALESCE(msgstatus.state_rank(x.%1$I::text), 0) THEN m.state ELSE x.%1$I END', t.state_column)
            WHERE t.state_column IS NOT NULL
            UNION ALL
            SELECT c.value, format('LEAST(x.%I, (m.status ->> %L)::timestamptz)', c.value, c.key)
            FROM jsonb_each_text(t.time_columns) AS c
            UNION ALL
            SELECT t.error_code_column::text, format('COALESCE(m.error_code, x.%I)', t.error_code_column)
            WHERE t.error_code_column IS NOT NULL
        )
        SELECT format('UPDATE %s AS x SET %s FROM msgstatus.message AS m WHERE x.%I = m.message_id AND (%s)',
            t.carried_table, string_agg(format('%I = %s', g.column_name, g.value), ', '), t.id_column,
            string_agg(format('x.%I IS DISTINCT FROM %s', g.column_name, g.value), ' OR '))
        FROM target AS g
    );
END
$$;
COMMENT ON FUNCTION msgstatus.carry_statement(msgstatus.carried_table) IS 'The statement that carries the status of messages into a table';

-- A subscription prepares the statement once: to plan it anew for each message would take several times as long as to run it. The
-- statement's name changes with what it is made of. Only keys are looked up, so the planner is not to read a table because it was
-- small when the session began. Returns false where nothing may be prepared: from PostgreSQL 16 on, in a subscription whose owner is
-- not the owner of these tables. Only for a subscription's session: another could be anybody's, who prepares a statement of that name,
-- and has it run with the rights of a SECURITY DEFINER function.
CREATE OR REPLACE FUNCTION msgstatus.carry_prepared(t msgstatus.carried_table, message_id text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    prepared_as text := 'msgstatus_carry_' || md5(t::text);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_prepared_statements AS p WHERE p.name = prepared_as) THEN
        BEGIN
            EXECUTE format('PREPARE %I (text) AS %s AND m.message_id = $1', prepared_as, msgstatus.carry_statement(t));
        EXCEPTION WHEN insufficient_privilege THEN
            RETURN false;
        END;
    END IF;
    EXECUTE format('EXECUTE %I (%L)', prepared_as, message_id);
    RETURN true;
END
$$;
COMMENT ON FUNCTION msgstatus.carry_prepared(msgstatus.carried_table, text) IS
    'Carries the status of one message by a statement that the session keeps; false where it may keep none';

CREATE OR REPLACE FUNCTION msgstatus.carry_one(t msgstatus.carried_table, message_id text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE msgstatus.carry_statement(t) || ' AND m.message_id = $1' USING message_id;
END
$$;
COMMENT ON FUNCTION msgstatus.carry_one(msgstatus.carried_table, text) IS 'Carries the status of one message into one of your tables';

CREATE OR REPLACE FUNCTION msgstatus.note_failure(carried_table regclass, message_id text, reason text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO msgstatus.carry_failure (carried_table, message_id, reason)
    SELECT $1::text, $2, $3 WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.oid = $1)
    ON CONFLICT ON CONSTRAINT carry_failure_pkey DO UPDATE SET failed_at = now(), reason = excluded.reason
$$;
COMMENT ON FUNCTION msgstatus.note_failure(regclass, text, text) IS
    'Notes that the status of a message could not be carried into a table, if the table is there';

-- Carries one message into every table. It never raises: an error would stop the subscription for all messages.
CREATE OR REPLACE FUNCTION msgstatus.carry() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t msgstatus.carried_table;
    subscribed boolean := current_setting('session_replication_role') = 'replica';
BEGIN
    FOR t IN SELECT * FROM msgstatus.carried_table LOOP
        BEGIN
            IF NOT subscribed OR NOT msgstatus.carry_prepared(t, NEW.message_id) THEN
                PERFORM msgstatus.carry_one(t, NEW.message_id);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            PERFORM msgstatus.note_failure(t.carried_table, NEW.message_id, SQLERRM);
        END;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.carry() IS 'Carries the status of a message into your tables; a trigger';
DROP TRIGGER IF EXISTS carry ON msgstatus.message;
CREATE TRIGGER carry AFTER INSERT OR UPDATE ON msgstatus.message FOR EACH ROW EXECUTE FUNCTION msgstatus.carry();
-- A subscription writes as a replica, for which only such triggers fire.
ALTER TABLE msgstatus.message ENABLE ALWAYS TRIGGER carry;

-- For rows of your table that come after the status, put on it by carry_into(). Whoever may insert there needs no rights here, and
-- never sees an error of this. Triggers of the table run with the rights of who ran this file: let that be the table's owner.
CREATE OR REPLACE FUNCTION msgstatus.carry_to_new_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t msgstatus.carried_table;
    id text;
BEGIN
    -- A partition's trigger names the partition.
    SELECT * INTO t FROM msgstatus.carried_table AS c
    WHERE c.carried_table = TG_RELID OR c.carried_table = ANY (SELECT a.relid FROM pg_partition_ancestors(TG_RELID) AS a);
    id := to_jsonb(NEW) ->> t.id_column;
    IF EXISTS (SELECT FROM msgstatus.message AS m WHERE m.message_id = id) THEN
        BEGIN
            PERFORM msgstatus.carry_one(t, id);
        EXCEPTION WHEN OTHERS THEN
            PERFORM msgstatus.note_failure(t.carried_table, id, SQLERRM);
        END;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION msgstatus.carry_to_new_row() FROM PUBLIC;
COMMENT ON FUNCTION msgstatus.carry_to_new_row() IS 'Carries the status of a message that came first into a new row of your table; a trigger';

CREATE OR REPLACE FUNCTION msgstatus.carry_into(
    carried_table regclass, id_column name, state_column name DEFAULT NULL, time_columns jsonb DEFAULT '{}', error_code_column name DEFAULT NULL
) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t msgstatus.carried_table := (carried_table, id_column, state_column, time_columns, error_code_column);
    carried bigint;
BEGIN
    INSERT INTO msgstatus.carried_table AS c SELECT t.*
    ON CONFLICT ON CONSTRAINT carried_table_pkey DO UPDATE SET id_column = excluded.id_column, state_column = excluded.state_column,
        time_columns = excluded.time_columns, error_code_column = excluded.error_code_column;
    EXECUTE format('DROP TRIGGER IF EXISTS msgstatus_carry ON %s', t.carried_table);
    EXECUTE format('CREATE TRIGGER msgstatus_carry AFTER INSERT OR UPDATE OF %I ON %s FOR EACH ROW EXECUTE FUNCTION msgstatus.carry_to_new_row()',
        t.id_column, t.carried_table);
    EXECUTE msgstatus.carry_statement(t);
    GET DIAGNOSTICS carried = ROW_COUNT;
    RETURN carried;
END
$$;
COMMENT ON FUNCTION msgstatus.carry_into(regclass, name, name, jsonb, name) IS
    'Carries the status of all messages into a table of yours from now on, and returns the number of rows that this changed at once';

-- For cron, every few minutes: what failed, and a row whose insert and whose status did not see each other. What fails again is noted
-- again, and keeps back neither the other messages nor the other tables.
CREATE OR REPLACE FUNCTION msgstatus.catch_up(since interval DEFAULT '1 day') RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t msgstatus.carried_table;
    failed text[];
    statement text;
    which text;
    id text;
    changed bigint;
    carried bigint := 0;
BEGIN
    FOR t IN SELECT c.* FROM msgstatus.carried_table AS c WHERE EXISTS (SELECT FROM pg_class AS p WHERE p.oid = c.carried_table) LOOP
        statement := msgstatus.carry_statement(t);
        -- First taken, then tried again: a failure that comes meanwhile stays for the next time.
        WITH taken AS (DELETE FROM msgstatus.carry_failure AS f WHERE f.carried_table = t.carried_table::text RETURNING f.message_id)
        SELECT COALESCE(array_agg(k.message_id), '{}') INTO failed FROM taken AS k;
        FOREACH which IN ARRAY ARRAY['m.updated_at > now() - $1 AND m.message_id <> ALL ($2)', 'm.message_id = ANY ($2)'] LOOP
            BEGIN
                EXECUTE statement || ' AND ' || which USING since, failed;
                GET DIAGNOSTICS changed = ROW_COUNT;
                carried := carried + changed;
            EXCEPTION WHEN OTHERS THEN
                FOR id IN EXECUTE 'SELECT m.message_id FROM msgstatus.message AS m WHERE ' || which USING since, failed LOOP
                    BEGIN
                        EXECUTE statement || ' AND m.message_id = $1' USING id;
                        GET DIAGNOSTICS changed = ROW_COUNT;
                        carried := carried + changed;
                    EXCEPTION WHEN OTHERS THEN
                        PERFORM msgstatus.note_failure(t.carried_table, id, SQLERRM);
                    END;
                END LOOP;
            END;
        END LOOP;
    END LOOP;
    RETURN carried;
END
$$;
COMMENT ON FUNCTION msgstatus.catch_up(interval) IS
    'Carries again what changed within an interval, and what failed; returns the number of rows that this changed';

-- What your application sends, for the database with the extension to know at once: it subscribes to this table.
CREATE TABLE IF NOT EXISTS msgstatus.sent_message (
    message_id text PRIMARY KEY,
    provider text,
    sender text,
    recipient text,
    message_type text,
    content text,
    metadata jsonb,
    created_by text,
    campaign_id uuid,
    sent_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE msgstatus.sent_message IS 'What your application sent; published to the database with the extension';
