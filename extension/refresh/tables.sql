-- Created by install(): the queue of messages to be fetched, what came of each fetch, the workers, their common rate, and the
-- comparisons with the provider's lists.

CREATE FUNCTION msgstatus.install_refresh_tables() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.refresh_queue (
        message_id text COLLATE "C" PRIMARY KEY,
        asked_at timestamptz NOT NULL DEFAULT now(),
        -- Who asked comes from the connection: nobody who may ask has a right to the column.
        asked_by text COLLATE "C" NOT NULL DEFAULT CURRENT_USER,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        attempts integer NOT NULL DEFAULT 0,
        claim integer NOT NULL DEFAULT 0,
        worker text COLLATE "C",
        last_error text
    );
    IF pg_catalog.to_regclass('msgstatus.refresh_queue_next_attempt_at') IS NULL THEN
        CREATE INDEX refresh_queue_next_attempt_at ON msgstatus.refresh_queue (next_attempt_at);
        COMMENT ON INDEX msgstatus.refresh_queue_next_attempt_at IS 'The messages that are due';
    END IF;
    COMMENT ON TABLE msgstatus.refresh_queue IS 'The messages whose status is to be fetched from the provider, a row each';
    COMMENT ON COLUMN msgstatus.refresh_queue.message_id IS 'The message';
    COMMENT ON COLUMN msgstatus.refresh_queue.asked_at IS 'When it was asked for';
    COMMENT ON COLUMN msgstatus.refresh_queue.asked_by IS 'The role that asked; a worker''s role for messages that were stuck';
    COMMENT ON COLUMN msgstatus.refresh_queue.next_attempt_at IS
        'When a worker may claim it: at once, after a pause, or when the lease of the worker that holds it ends';
    COMMENT ON COLUMN msgstatus.refresh_queue.attempts IS 'How often it was claimed, without claims that were given back';
    COMMENT ON COLUMN msgstatus.refresh_queue.claim IS 'The number of the latest claim, which the report names';
    COMMENT ON COLUMN msgstatus.refresh_queue.worker IS 'The worker that holds it; NULL: none';
    COMMENT ON COLUMN msgstatus.refresh_queue.last_error IS 'Why the last attempt failed';

    CREATE TABLE IF NOT EXISTS msgstatus.message_check (
        message_id text COLLATE "C" PRIMARY KEY,
        checked_at timestamptz NOT NULL,
        outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('changed', 'unchanged', 'unknown', 'failed')),
        asked_at timestamptz NOT NULL,
        asked_by text COLLATE "C" NOT NULL,
        attempts integer NOT NULL,
        error text
    );
    IF pg_catalog.to_regclass('msgstatus.message_check_asked_at') IS NULL THEN
        CREATE INDEX message_check_asked_at ON msgstatus.message_check (asked_at);
        COMMENT ON INDEX msgstatus.message_check_asked_at IS 'What came of the requests since a time';
    END IF;
    COMMENT ON TABLE msgstatus.message_check IS 'The last time that the provider was asked about a message, and what came of it';
    COMMENT ON COLUMN msgstatus.message_check.message_id IS 'The message';
    COMMENT ON COLUMN msgstatus.message_check.checked_at IS 'When the answer came, or the last attempt was given up';
    COMMENT ON COLUMN msgstatus.message_check.outcome IS
        'changed: the answer added something; unchanged; unknown: the provider does not know the message, and is not asked again; failed: no answer that could be used';
    COMMENT ON COLUMN msgstatus.message_check.asked_at IS 'When it was asked for';
    COMMENT ON COLUMN msgstatus.message_check.asked_by IS 'The role that asked';
    COMMENT ON COLUMN msgstatus.message_check.attempts IS 'How many attempts it took; 0: it was on a page of the provider''s list';
    COMMENT ON COLUMN msgstatus.message_check.error IS 'Why the last attempt failed, if it did';

    CREATE TABLE IF NOT EXISTS msgstatus.refresh_worker (
        worker text COLLATE "C" PRIMARY KEY,
        started_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'not configured', 'refused', 'stopped')),
        detail text
    );
    COMMENT ON TABLE msgstatus.refresh_worker IS 'The programs that fetch, as they last reported';
    COMMENT ON COLUMN msgstatus.refresh_worker.worker IS 'The name of the worker: its host and process';
    COMMENT ON COLUMN msgstatus.refresh_worker.started_at IS 'When it first reported';
    COMMENT ON COLUMN msgstatus.refresh_worker.seen_at IS 'When it last reported; it does so every 20 seconds';
    COMMENT ON COLUMN msgstatus.refresh_worker.state IS
        'running; not configured: it has no credentials; refused: the provider did not accept its credentials; stopped';
    COMMENT ON COLUMN msgstatus.refresh_worker.detail IS 'The state in a sentence';

    CREATE TABLE IF NOT EXISTS msgstatus.refresh_rate (
        provider text COLLATE "C" PRIMARY KEY,
        next_at timestamptz NOT NULL
    );
    COMMENT ON TABLE msgstatus.refresh_rate IS 'When the next request may go to a provider; all workers share it';
    COMMENT ON COLUMN msgstatus.refresh_rate.provider IS 'The provider';
    COMMENT ON COLUMN msgstatus.refresh_rate.next_at IS 'The time of the next request, if there was none for a while';
    INSERT INTO msgstatus.refresh_rate (provider, next_at) VALUES ('twilio', '-infinity') ON CONFLICT (provider) DO NOTHING;

    CREATE TABLE IF NOT EXISTS msgstatus.reconciliation (
        reconciliation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        worker text COLLATE "C" NOT NULL,
        sent_from timestamptz NOT NULL,
        began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz,
        pages integer NOT NULL DEFAULT 0,
        messages bigint NOT NULL DEFAULT 0,
        changed bigint NOT NULL DEFAULT 0,
        discovered bigint NOT NULL DEFAULT 0,
        error text,
        accounts text[] COLLATE "C"
    );
    IF NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = 'msgstatus.reconciliation'::regclass AND a.attname = 'accounts' AND NOT a.attisdropped)
    THEN
        ALTER TABLE msgstatus.reconciliation ADD COLUMN accounts text[] COLLATE "C";
    END IF;
    COMMENT ON TABLE msgstatus.reconciliation IS 'Comparisons of the messages of the last days with the provider''s lists';
    COMMENT ON COLUMN msgstatus.reconciliation.reconciliation_id IS 'Key';
    COMMENT ON COLUMN msgstatus.reconciliation.worker IS 'The worker';
    COMMENT ON COLUMN msgstatus.reconciliation.sent_from IS 'Messages sent since were compared';
    COMMENT ON COLUMN msgstatus.reconciliation.began_at IS 'When it began';
    COMMENT ON COLUMN msgstatus.reconciliation.seen_at IS 'When a page was last compared; after 10 minutes without one another may begin';
    COMMENT ON COLUMN msgstatus.reconciliation.ended_at IS 'When it ended; NULL: it is under way, or its worker died';
    COMMENT ON COLUMN msgstatus.reconciliation.pages IS 'How many pages of the list were read';
    COMMENT ON COLUMN msgstatus.reconciliation.messages IS 'How many messages they held';
    COMMENT ON COLUMN msgstatus.reconciliation.changed IS
        'How many of these were brought up to date: what the callbacks had not told, with messages that nobody had told of';
    COMMENT ON COLUMN msgstatus.reconciliation.discovered IS 'How many of these nobody had told of';
    COMMENT ON COLUMN msgstatus.reconciliation.error IS 'Why it ended early, or why the list of an account could not be read';
    COMMENT ON COLUMN msgstatus.reconciliation.accounts IS 'The accounts that callbacks named, as the end of the trail told when it began';
END
$$;
COMMENT ON FUNCTION msgstatus.install_refresh_tables() IS
    'Creates the tables refresh_queue, message_check, refresh_worker, refresh_rate and reconciliation; called by install()';
