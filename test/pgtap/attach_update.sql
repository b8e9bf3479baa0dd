-- The statement that attach_table makes: what it does to rows, fact by fact, run by hand.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

-- Runs the statement for a table with the key "id" and one message, and returns how many rows it wrote.
CREATE FUNCTION reflect(target regclass, message text, status msgstatus.message_status, code integer DEFAULT NULL, title text DEFAULT NULL,
    details text DEFAULT NULL, failures integer DEFAULT 0, columns jsonb DEFAULT NULL, time_zone text DEFAULT 'UTC',
    changed_at timestamptz DEFAULT '2024-12-10 12:00Z') RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    written integer;
BEGIN
    EXECUTE msgstatus.reflecting_update(target, 'id',
        (SELECT jsonb_object_agg(c.fact, jsonb_strip_nulls(jsonb_build_object('column', c.column_name, 'spelling', c.spelling)))
            FROM msgstatus.attached_columns(target, 'id', reflect.columns) AS c), time_zone)
    USING ARRAY[ROW(message, status, code, title, details, failures, changed_at)::msgstatus.reflection];
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;
-- Returns a status that was reached so many seconds after 10:30: at('sent 0 read 9').
CREATE FUNCTION at(words text) RETURNS msgstatus.message_status LANGUAGE sql AS $$
    SELECT msgstatus.merge_agg(msgstatus.message_status(m[1]::msgstatus.delivery_state, '2024-12-10 10:30Z'::timestamptz + m[2]::numeric * interval '1 second'))
    FROM regexp_matches(words, '(\S+) (\S+)', 'g') AS m
$$;

-- A state moves up, whatever comes, and a row in which nothing is new is not written.
CREATE TABLE states (id text PRIMARY KEY, status text DEFAULT 'QUEUED');
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$SELECT string_agg(s.status, ' ') FROM app.states AS s$$;
INSERT INTO states VALUES ('a');
SELECT is(reflect('states', 'a', at('sent 0')), 1);
SELECT is(state(), 'SENT');
SELECT is(reflect('states', 'a', at('sent 0')), 0, 'nothing is new');
SELECT is(reflect('states', 'a', at('queued 0')), 0);
SELECT is(reflect('states', 'a', at('read 9')), 1);
SELECT is(reflect('states', 'a', at('sent 0 delivered 1')), 0);
SELECT is(reflect('states', 'a', at('failed 1')), 0, 'a failure does not outweigh that it was read');
SELECT is(state(), 'READ', 'never back');
SELECT is(reflect('states', 'b', at('read 9')), 0, 'another message');
SELECT is(reflect('states', 'a', '{}'), 0, 'a message of which nothing is known');
UPDATE states SET status = 'read';
SELECT is(reflect('states', 'a', at('read 9')), 0, 'the same word in another case is the same');
UPDATE states SET status = 'enqueued';
SELECT is(reflect('states', 'a', at('queued 9')), 0, 'as is a synonym');
UPDATE states SET status = 'dispatched';
SELECT is(reflect('states', 'a', at('queued 9')), 0);
UPDATE states SET status = 'new';
SELECT is(reflect('states', 'a', at('queued 0')), 1, 'a word of another kind is the lowest');
UPDATE states SET status = NULL;
SELECT is(reflect('states', 'a', at('played 0')), 1, 'as is none');
SELECT is(state(), 'PLAYED');
SELECT is(msgstatus.nearest_state('undelivered', '{failed,delivered}')::text, 'failed');
SELECT is(msgstatus.nearest_state('accepted', '{processing,received,sent}')::text, NULL, 'what is incoming stands for nothing outgoing');
SELECT is(msgstatus.nearest_state('skipped', '{canceled,failed}')::text, NULL);

-- Words of its own, in any case.
CREATE TABLE words (id text PRIMARY KEY, status text);
INSERT INTO words VALUES ('a');
CREATE FUNCTION word(status text) RETURNS integer LANGUAGE sql AS $$
    SELECT reflect('words', 'a', at(status),
        columns => '{"state": {"column": "status", "spelling": {"sent": "100 % SENT", "delivered": "Zugestellt: Übergeben", "read": "It''s \\ read"}}}')
$$;
SELECT is(word('sent 0') + word('sent 0') + word('delivered 0') + word('sent 0') + word('read 0') + word('delivered 0'), 3);
SELECT is((SELECT w.status FROM words AS w), 'It''s \ read');
UPDATE words SET status = 'ZUGESTELLT: ÜBERGEBEN';
SELECT is(word('delivered 0'), 0, 'the same word in another case, beyond ASCII too');
UPDATE words SET status = 'Delivered';
SELECT is(word('delivered 0'), 0, 'the usual word beside one of its own');
UPDATE words SET status = '100 % sen';
SELECT is(word('queued 0'), 1, 'a part of a word is none');

-- The statement's conditions on a label.
CREATE FUNCTION below(label text, state msgstatus.delivery_state, labels text[] DEFAULT '{SENT,Read,read,sent}',
    states text[] DEFAULT '{sent,read,read,sent}') RETURNS boolean
    LANGUAGE sql AS 'SELECT msgstatus.label_is_below(label, labels, states::msgstatus.delivery_state[], state)';
SELECT is(below(l, s::msgstatus.delivery_state), expected, format('%s, %s', l, s)) FROM (VALUES ('SENT', 'sent', false), ('SENT', 'delivered', true),
    ('sENt', 'delivered', true), ('sENt', 'sent', false), ('Read', 'sent', false), ('', 'processing', true), ('lost', 'processing', true),
    (NULL, 'processing', true), ('read', NULL, NULL)) AS v (l, s, expected);
SELECT is(below('sent', 'sent', '{}', '{}'), true, 'no words');
SELECT is(below('sent', 'sent', NULL), NULL);
SELECT throws_ok($$SELECT below('sent', 'sent', '{sent,read}', '{sent}')$$, '22023', 'labels and states must have the same length and no nulls');
SELECT throws_ok($$SELECT below('sent', 'sent', '{sent,NULL}', '{sent,read}')$$, '22023', 'labels and states must have the same length and no nulls');
SELECT throws_ok($$SELECT below('sent', 'sent', '{sent,read}', '{sent,NULL}')$$, '22023', 'labels and states must have the same length and no nulls');

-- Words that stand for several states.
CREATE TYPE few AS ENUM ('pending', 'sent', 'failed', 'delivered');
CREATE TABLE fews (id char(10) PRIMARY KEY, status few NOT NULL DEFAULT 'pending');
INSERT INTO fews VALUES ('a');
SELECT is(reflect('fews', 'a', at(s)), n, s) FROM (VALUES ('queued 0', 0), ('sending 0', 0), ('sent 0', 1), ('partially_delivered 0', 0), ('skipped 0', 0),
    ('undelivered 0', 1), ('failed 0', 0), ('sent 0', 0), ('delivered 0', 1), ('read 0', 0)) AS v (s, n);
SELECT is((SELECT status::text FROM fews), 'delivered');
-- States without a word: the row shows the highest state reached that has one, whichever came first and in however many calls.
CREATE FUNCTION shown_by_every_order(words text[], observations text[], columns jsonb DEFAULT NULL) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    ordering text[];
    known msgstatus.message_status;
    shown text[] := '{}';
BEGIN
    EXECUTE format('CREATE TABLE coarse (id text PRIMARY KEY, status text CHECK (status = ANY (%L::text[])))', words);
    FOR ordering IN
        WITH RECURSIVE o (said, left_over) AS (
            SELECT ARRAY[]::text[], observations
            UNION ALL
            SELECT o.said || l, array_remove(o.left_over, l) FROM o, unnest(o.left_over) AS l
        )
        SELECT said FROM o WHERE left_over = '{}'
        UNION ALL
        SELECT ARRAY[array_to_string(observations, ' ')]
    LOOP
        INSERT INTO coarse VALUES ('a', words[1]);
        known := '{}';
        FOR step IN 1 .. cardinality(ordering) LOOP
            known := known OPERATOR(msgstatus.||) at(ordering[step]);
            PERFORM reflect('coarse', 'a', known, columns => columns);
        END LOOP;
        shown := shown || (SELECT status FROM coarse);
        IF reflect('coarse', 'a', known, columns => columns) <> 0 THEN
            RAISE 'what is shown already was written again';
        END IF;
        DELETE FROM coarse;
    END LOOP;
    DROP TABLE coarse;
    RETURN ARRAY(SELECT DISTINCT s FROM unnest(shown) AS s);
END
$$;
SELECT is(shown_by_every_order(words, observations), ARRAY[shown], format('%s of %s', observations, words))
FROM (VALUES
    ('{pending,sent,failed}'::text[], '{sent 0,delivered 1,read 2}'::text[], 'sent'),
    ('{pending,sent,failed}', '{delivered 1}', 'sent'),
    ('{pending,sent,failed}', '{sent 0,failed 1,delivered 2}', 'failed'),
    ('{pending,sent,delivered}', '{queued 0,sent 1,failed 2}', 'sent'),
    ('{new,sent,delivered,failed}', '{sent 0,delivered 1,played 3}', 'delivered'),
    ('{new,queued,sent}', '{queued 0,canceled 1}', 'queued'),
    ('{new,delivered}', '{queued 0,sent 1}', 'new')) AS v (words, observations, shown);
SELECT is(shown_by_every_order('{queued,sent,delivered,read}', '{sent 0,delivered 1,read 2}', '{"state": {"column": "status", "spelling": {"read": null}}}'),
    '{delivered}', 'a spelling that is null');

-- A word for states between which another one has its place.
SELECT is(shown_by_every_order('{NEW,OK,KO}', observations, '{"state": {"column": "status", "spelling": {"queued": "NEW", "sent": "OK", "delivered": "OK", "read": "OK", "failed": "KO"}}}'),
    ARRAY[shown], observations::text)
FROM (VALUES ('{sent 0,failed 1}'::text[], 'KO'), ('{sent 0,failed 1,delivered 2}', 'OK'), ('{sent 0,delivered 1,read 2}', 'OK'), ('{queued 0,undelivered 1,sent 2}', 'KO'))
    AS v (observations, shown);
CREATE TABLE done (id text PRIMARY KEY, status text, retry_count integer NOT NULL DEFAULT 0);
INSERT INTO done VALUES ('a', 'open');
SELECT is(reflect('done', 'a', at(s), failures => f, columns => '{"state": {"column": "status", "spelling": {"sent": "Done", "delivered": "OK", "failed": "Done", "canceled": "Gone"}}}'), n, s)
FROM (VALUES ('sent 0', 0, 1), ('sent 0 failed 1', 1, 1), ('sent 0 failed 1', NULL, 0), ('failed 1', NULL, 0)) AS v (s, f, n);
SELECT is((SELECT (status, retry_count)::text FROM done), '(Done,1)', 'a failure that the word may mean is not counted again');

CREATE TABLE native (id text PRIMARY KEY, status msgstatus.delivery_state);
INSERT INTO native VALUES ('a');
SELECT is(reflect('native', 'a', at('sent 0')) + reflect('native', 'a', at('read 0')) + reflect('native', 'a', at('failed 0')), 2);
SELECT is((SELECT status::text FROM native), 'read');

-- Times are those at which a state was reached, the earliest.
CREATE TABLE times (id text PRIMARY KEY, sent_at timestamptz, delivered_at timestamp, read_at timestamptz(0), failed_at timestamptz);
CREATE FUNCTION times() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', to_char(t.sent_at, 'MI:SS'), to_char(t.delivered_at, 'HH24:MI:SS.MS'), to_char(t.read_at, 'MI:SS.MS'), to_char(t.failed_at, 'MI:SS')) FROM app.times AS t
$$;
INSERT INTO times VALUES ('a');
SELECT is(reflect('times', 'a', at('read 9.75')), 1);
SELECT is(times(), '30:09 10:30:09.750 30:10.000', 'earlier steps are filled in');
SELECT is(reflect('times', 'a', at('read 9.75')), 0, 'what the column cannot tell apart is no news');
SELECT is(reflect('times', 'a', at('sent 0 delivered 1 read 9.75')), 1);
SELECT is(reflect('times', 'a', at('sent 2 read 9.75')), 0, 'a later time is no news');
SELECT is(times(), '30:00 10:30:01.000 30:10.000');
SELECT is(reflect('times', 'a', at('undelivered 3')), 1);
SELECT is(times(), '30:00 10:30:01.000 30:10.000 30:03', 'undelivered is a failure');
UPDATE times SET delivered_at = NULL;
SELECT is(reflect('times', 'a', at('delivered 1'), time_zone => 'Asia/Kolkata'), 1);
SELECT is(times(), '30:00 16:00:01.000 30:10.000 30:03', 'in the time zone of the columns');
CREATE TABLE two_failures (id text PRIMARY KEY, failed_at timestamptz, undelivered_at timestamptz);
INSERT INTO two_failures VALUES ('a');
SELECT is(reflect('two_failures', 'a', at('undelivered 3')), 1);
SELECT is((SELECT (failed_at IS NULL, undelivered_at IS NULL)::text FROM two_failures), '(t,f)', 'unless there is a column for it');

-- A timeline.
CREATE TABLE timelines (id text PRIMARY KEY, status jsonb);
CREATE FUNCTION timeline() RETURNS jsonb LANGUAGE sql AS $$SELECT t.status FROM app.timelines AS t$$;
INSERT INTO timelines VALUES ('a');
SELECT is(reflect('timelines', 'a', '{}'), 0);
SELECT is(reflect('timelines', 'a', at('delivered 5')), 1);
SELECT is(timeline(), '{"sent": "2024-12-10T10:30:05Z", "delivered": "2024-12-10T10:30:05Z"}');
SELECT is(reflect('timelines', 'a', at('delivered 5')), 0);
SELECT is(reflect('timelines', 'a', at('sent 0 delivered 5')), 1);
SELECT is(timeline(), '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z"}', 'an earlier time replaces');
UPDATE timelines SET status = '{"sent": "2024-12-10T10:30:00.000Z", "read": null, "delivered": "2024-12-10 11:30:01", "by": "hand", "failed": "?"}';
SELECT is(reflect('timelines', 'a', at('sent 0 delivered 5 failed 7 read 9'), time_zone => 'Europe/Berlin'), 1);
SELECT is(timeline(), '{"sent": "2024-12-10T10:30:00.000Z", "read": "2024-12-10T10:30:09Z", "delivered": "2024-12-10 11:30:01", "by": "hand", "failed": "?"}',
    'what a row says stays, in its own form');
SELECT is(reflect('timelines', 'a', at('sent 0 delivered 5 failed 7 read 9'), time_zone => 'Europe/Berlin'), 0);
SELECT is(reflect('timelines', 'a', at('delivered 0.5'), time_zone => 'Europe/Berlin'), 1);
SELECT is(timeline() ->> 'delivered', '2024-12-10T10:30:00.5Z');
UPDATE timelines SET status = '{"enviado": "2024-12-10T10:30:05+00"}';
SELECT is(reflect('timelines', 'a', at('read 3'), columns => '{"timeline": {"column": "status", "spelling": {"sent": "enviado", "read": "lido", "delivered": null}}}'), 1);
SELECT is(timeline(), '{"enviado": "2024-12-10T10:30:03Z", "lido": "2024-12-10T10:30:03Z"}', 'in words of its own');
ALTER TABLE timelines ADD COLUMN failed_at timestamptz;
SELECT is(reflect('timelines', 'a', at('failed 3'), columns => '{"timeline": {"column": "status", "spelling": {"failed": null}}}'), 1);
SELECT is(timeline(), '{"enviado": "2024-12-10T10:30:03Z", "lido": "2024-12-10T10:30:03Z"}', 'a state without a word leaves the timeline as it is');
ALTER TABLE timelines DROP COLUMN failed_at;
UPDATE timelines SET status = 'null';
SELECT is(reflect('timelines', 'a', at('sent 0')), 1);
SELECT is(timeline(), '{"sent": "2024-12-10T10:30:00Z"}', 'null is as good as nothing');
UPDATE timelines SET status = '[]';
SELECT throws_ok($$SELECT reflect('timelines', 'a', at('sent 0'))$$, '22023', 'timeline must be a JSON object, not of type array');

-- A message_status is merged.
CREATE TABLE statuses (id varchar(20) PRIMARY KEY, s msgstatus.message_status);
INSERT INTO statuses VALUES ('a');
SELECT is(reflect('statuses', 'a', at('read 9')) + reflect('statuses', 'a', at('sent 0')) + reflect('statuses', 'a', at('read 10')), 2);
SELECT is((SELECT s::text FROM statuses), at('sent 0 read 9')::text);

-- Errors.
CREATE TABLE errors (id text PRIMARY KEY, error_code varchar(5), error_message varchar(12));
INSERT INTO errors VALUES ('a', NULL, 'mine');
SELECT is(reflect('errors', 'a', at('sent 0')), 0, 'no error, nothing to say');
SELECT is(reflect('errors', 'a', at('failed 0'), 63016, 'Failed', 'because of rules'), 1);
SELECT is((SELECT (error_code, error_message)::text FROM errors), '(63016,"Failed: beca")', 'a text is cut');
SELECT is(reflect('errors', 'a', at('failed 0'), 63016, 'Failed', 'because of rules'), 0);
SELECT is(reflect('errors', 'a', at('failed 0 read 9')), 0, 'an error stays');
SELECT is(reflect('errors', 'a', at('failed 0'), 131026, 'Gone'), 1);
SELECT is((SELECT (error_code, error_message)::text FROM errors), '(63016,Gone)', 'a code that does not fit is left out');
SELECT is(reflect('errors', 'a', at('failed 0'), NULL, NULL, 'details'), 1);
SELECT is((SELECT error_message FROM errors), 'details');

-- Failures are counted once each.
CREATE TABLE counts (id text PRIMARY KEY, retry_count smallint, failed_at timestamptz, updated_at timestamptz, last_status_check timestamp);
INSERT INTO counts VALUES ('a');
SELECT is(reflect('counts', 'a', at('sent 0'), failures => 0), 0, 'no time of change without one');
SELECT is(reflect('counts', 'a', at('failed 0'), failures => 1), 1);
SELECT is(reflect('counts', 'a', at('failed 0 undelivered 1'), failures => 0), 0);
SELECT is(reflect('counts', 'a', at('failed 0'), failures => NULL), 0, 'a failure that the row shows');
SELECT is((SELECT (retry_count, updated_at, last_status_check)::text FROM counts), '(1,"2024-12-10 12:00:00+00","2024-12-10 12:00:00")');
UPDATE counts SET failed_at = NULL;
SELECT is(reflect('counts', 'a', at('failed 0'), failures => NULL, changed_at => '2024-12-10 11:00Z'), 1, 'and one that it does not');
SELECT is((SELECT (retry_count, updated_at)::text FROM counts), '(2,"2024-12-10 12:00:00+00")', 'times of change do not go back');

-- How a row without failed_at shows that it knows of a failure.
CREATE FUNCTION counted(definition text, content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('CREATE TABLE app.evidence (id text PRIMARY KEY, retry_count integer NOT NULL DEFAULT 0, %s)', definition);
    EXECUTE format('INSERT INTO app.evidence VALUES (''a'', 0, %s)', content);
    PERFORM app.reflect('app.evidence', 'a', app.at('failed 0'), 1, 'x', failures => NULL);
    PERFORM app.reflect('app.evidence', 'a', app.at('failed 0'), 1, 'x', failures => NULL);
    SELECT e.retry_count::text INTO result FROM app.evidence AS e;
    DROP TABLE app.evidence;
    RETURN result;
END
$$;
SELECT is(counted('status text', 'NULL'), '1');
SELECT is(counted('status text', '''FAILED'''), '0');
SELECT is(counted('status text', '''read'''), '0');
SELECT is(counted('status msgstatus.message_status', 'NULL'), '1');
SELECT is(counted('status msgstatus.message_status', '''{"failed": "2024-12-10T10:30:00Z"}'''), '0');
SELECT is(counted('status jsonb', '''{}'''), '1');
SELECT is(counted('status jsonb', '''{"undelivered": 1}'''), '0');
SELECT is(counted('error_code text', 'NULL'), '1');
SELECT is(counted('error_code text', '''5'''), '0');
SELECT is(counted('error_message text', 'NULL'), '0', 'where nothing tells, nothing is counted');
SELECT is(counted('status app.few', '''sent'''), '1');
SELECT is(counted('status varchar(4), error_code text', '''sent'', NULL'), '1', 'a state that cannot show it is no witness');

-- Many rows at once, the same message in several, columns whose names need quotes.
CREATE TABLE "Odd ""table" (id text, "Status" text DEFAULT 'x''y', "Sent AT" timestamptz);
INSERT INTO "Odd ""table" SELECT (n % 3)::text FROM generate_series(1, 9) AS n;
SELECT is(reflect('"Odd ""table"', '1', at('sent 0'), columns => '{"sent_at": "Sent AT"}'), 3);
SELECT is((SELECT count(*) FROM "Odd ""table" WHERE "Status" = 'sent' AND "Sent AT" = '2024-12-10 10:30Z'), 3::bigint);
CREATE TABLE parted (id text, status text) PARTITION BY HASH (id);
CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO parted VALUES ('a');
SELECT is(reflect('parted', 'a', at('sent 0')), 1);

-- The statement means the same in whatever search_path.
CREATE SCHEMA evil;
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;
CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT 1 / 0 = 1$$;
CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION evil.newer(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$SELECT 1 / 0 = 1$$;
CREATE OPERATOR evil.<= (FUNCTION = evil.newer, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE TYPE evil.text AS (x integer);
INSERT INTO states VALUES ('evil');
INSERT INTO times VALUES ('evil', '2025-01-01Z');
INSERT INTO timelines VALUES ('evil', '{"sent": "2025-01-01"}');
SET LOCAL search_path = evil, pg_catalog, app, msgstatus;
SELECT app.reflect('states', 'evil', app.at('sent 0')) + app.reflect('times', 'evil', app.at('read 0')) + app.reflect('timelines', 'evil', app.at('read 0')) AS written \gset
SET LOCAL search_path = app, public;
SELECT is(:written, 3);

SELECT finish();
ROLLBACK;
