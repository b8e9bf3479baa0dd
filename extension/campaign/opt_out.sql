-- Phone numbers that no campaign may send to, and the replies that make a number one of them.

CREATE FUNCTION msgstatus.opt_out(phone_number text, reason text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    number text := msgstatus.normalize_address($1);
    problem text := msgstatus.phone_number_problem($1, number);
BEGIN
    PERFORM msgstatus.check_installation();
    IF problem IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('invalid phone number: "%s"', COALESCE($1, '')),
            DETAIL = upper(left(problem, 1)) || substr(problem, 2) || '.',
            HINT = 'Write it with its country code, such as +1 555 010 0001.';
    END IF;
    INSERT INTO msgstatus.opt_out (phone_number, reason) VALUES (number, $2) ON CONFLICT (phone_number) DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.opt_out(text, text) IS
    'Excludes a phone number from all campaigns; can be repeated, the first reason stays; 22023 for an invalid phone number';

CREATE FUNCTION msgstatus.opt_in(phone_number text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    DELETE FROM msgstatus.opt_out AS o WHERE o.phone_number = msgstatus.normalize_address($1);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION msgstatus.opt_in(text) IS
    'Removes a phone number from opt_out, and returns whether it was there; recipients skipped meanwhile stay skipped';

CREATE FUNCTION msgstatus.bare_reply(reply text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.lower(pg_catalog.btrim($1, E' \t\r\n.,;:!?"''*'));
    END;
COMMENT ON FUNCTION msgstatus.bare_reply(text) IS 'A reply in lower case, without spaces and punctuation around it';

CREATE FUNCTION msgstatus.opt_out_reply() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number text := msgstatus.normalize_address(NEW.sender);
BEGIN
    -- A long text is no such reply.
    IF length(NEW.content) <= 200 AND msgstatus.phone_number_problem(NEW.sender, number) IS NULL
        AND EXISTS (SELECT FROM msgstatus.opt_out_word AS w WHERE w.word = msgstatus.bare_reply(NEW.content)) THEN
        -- Calls have messages in the order of ids, and not of numbers. Two of them with the same numbers would deadlock.
        PERFORM pg_advisory_xact_lock(hashtextextended('msgstatus.opt_out_reply', 0));
        INSERT INTO msgstatus.opt_out (phone_number, reason)
        SELECT number, 'replied ' || w.word FROM msgstatus.opt_out_word AS w WHERE w.word = msgstatus.bare_reply(NEW.content)
        ON CONFLICT (phone_number) DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.opt_out_reply() IS
    'Trigger on message: opts out the sender of an incoming message whose text is one of opt_out_word';

CREATE FUNCTION msgstatus.set_opt_out_words(words text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
    wanted text[] := ARRAY(SELECT DISTINCT msgstatus.bare_reply(w) FROM unnest(words) AS w);
BEGIN
    PERFORM msgstatus.check_installation();
    IF '' = ANY (wanted) OR array_position(wanted, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a word must not be null or empty';
    END IF;
    IF NOT pg_has_role((SELECT c.relowner FROM pg_class AS c WHERE c.oid = 'msgstatus.message'::regclass), 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'must be owner of table msgstatus.message';
    END IF;
    -- One call at a time. Other words leave the triggers alone: dropping them waits for readers of message, and keeps calls waiting.
    LOCK TABLE msgstatus.opt_out_word IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM msgstatus.opt_out_word AS w WHERE w.word <> ALL (wanted);
    INSERT INTO msgstatus.opt_out_word (word) SELECT w FROM unnest(wanted) AS w ON CONFLICT DO NOTHING;
    -- Without words there is no trigger, so that messages cost nothing more.
    IF wanted = '{}' THEN
        DROP TRIGGER IF EXISTS opt_out_reply ON msgstatus.message;
        DROP TRIGGER IF EXISTS opt_out_changed_reply ON msgstatus.message;
    ELSIF NOT EXISTS (SELECT FROM pg_trigger AS t
        WHERE t.tgrelid = 'msgstatus.message'::regclass AND t.tgname = 'opt_out_changed_reply') THEN
        CREATE TRIGGER opt_out_reply AFTER INSERT ON msgstatus.message
            FOR EACH ROW WHEN (NEW.direction = 'inbound' AND NEW.content IS NOT NULL)
            EXECUTE FUNCTION msgstatus.opt_out_reply();
        COMMENT ON TRIGGER opt_out_reply ON msgstatus.message IS 'Opts out senders of replies in opt_out_word';
        -- A message can be known before its text is. Nothing else may fire: its sender may have opted in again.
        CREATE TRIGGER opt_out_changed_reply AFTER UPDATE ON msgstatus.message
            FOR EACH ROW WHEN (NEW.direction = 'inbound' AND NEW.content IS NOT NULL
                AND (OLD.direction, OLD.content, OLD.sender) IS DISTINCT FROM (NEW.direction, NEW.content, NEW.sender))
            EXECUTE FUNCTION msgstatus.opt_out_reply();
        COMMENT ON TRIGGER opt_out_changed_reply ON msgstatus.message IS 'Opts out senders of replies in opt_out_word';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.set_opt_out_words(text[]) IS
    'Sets the replies that opt their sender out, compared whole, in any case and without punctuation around them; NULL or none: replies opt nobody out; for the owner of message; 22023 for an empty word';
