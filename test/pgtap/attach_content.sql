-- What the rows of a table say before it is attached: words that mean no state, rows of one message with different states, a key
-- that matches nothing, rows that a policy hides. preview_attach says so, and attach_table refuses what would destroy.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
SET LOCAL client_min_messages = error;
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

CREATE FUNCTION problems(target regclass, columns jsonb DEFAULT NULL, key_column text DEFAULT 'sid') RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(p.remark) FROM msgstatus.preview_attach(target, key_column, columns) AS p WHERE p.column_name IS NULL
$$;
CREATE FUNCTION attach(target regclass, columns jsonb DEFAULT NULL, key_column text DEFAULT 'sid') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM msgstatus.attach_table(target, key_column, columns);
    RETURN 'attached';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION observe(id text, status text) RETURNS text LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status(jsonb_build_object('id', id, 'status', status, 'timestamp', 1733826600), '2024-12-10 12:00Z') ->> 'applied'
$$;

-- Words that mean no state.
CREATE TABLE logs (sid text PRIMARY KEY, status text);
INSERT INTO logs VALUES ('a', 'bounced'), ('b', 'bounced'), ('c', 'Open'), ('d', 'SENT'), ('e', ''), ('f', NULL), ('g', 'enqueued');
SELECT observe('a', 'read'), observe('c', 'read'), observe('g', 'read');
SELECT is(problems('logs'), ARRAY['ERROR 22023: column "status" of app.logs holds words that mean no state: ''bounced'' (2 rows), ''Open'' (1 row). '
    'A status would replace them. Say what they mean: {"state": {"column": "status", "means": {"bounced": "failed"}}}; or "keep": ["bounced"] if no status may replace them; or "replace": ["bounced"] if each may.'],
    'preview_attach lists the words and their rows');
SELECT is(attach('logs'), '22023 column "status" of app.logs holds words that mean no state: ''bounced'' (2 rows), ''Open'' (1 row)');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM logs), '{bounced,bounced,Open,SENT,"",NULL,enqueued}', 'attach_table refuses, and leaves the rows alone');
SELECT is(problems('logs', '{"state": {"column": "status", "means": {"bounced": "failed"}}}'), ARRAY['ERROR 22023: column "status" of app.logs holds words that mean no state: ''Open'' (1 row). '
    'A status would replace them. Say what they mean: {"state": {"column": "status", "means": {"Open": "failed"}}}; or "keep": ["Open"] if no status may replace them; or "replace": ["Open"] if each may.']);
SELECT is(problems('logs', '{"state": {"column": "status", "spelling": {"failed": "bounced", "queued": "open"}}}'), NULL, 'a spelling says what a word means');
SELECT is(problems('logs', '{"state": {"column": "status", "means": {"bounced": "failed"}, "replace": ["open"]}}'), NULL, 'in any case');
SELECT is(attach('logs', '{"state": {"column": "status", "means": {"bounced": "failed"}, "keep": ["Open"]}}'), 'attached');
SELECT is((SELECT (columns -> 'state') - '{spelling}'::text[] FROM msgstatus.attached_tables), '{"column": "status", "means": {"bounced": "failed"}, "keep": ["Open"]}', 'it is written down');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM logs), '{READ,bounced,Open,SENT,"",NULL,READ}', 'read is above failed; a word to be kept is kept');
SELECT observe('b', 'sent'), observe('c', 'played');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM logs WHERE sid IN ('b', 'c')), '{bounced,Open}', 'and so from then on');
SELECT observe('b', 'read');
SELECT is((SELECT status FROM logs WHERE sid = 'b'), 'READ');
SELECT is(attach('logs', '{"state": {"column": "status", "replace": true}}'), 'attached');
SELECT is((SELECT status FROM logs WHERE sid = 'c'), 'PLAYED', 'replaced, if asked for');
SELECT msgstatus.detach_table('logs');
-- Rows without a key are never written.
CREATE TABLE keyless (sid text UNIQUE, status text);
INSERT INTO keyless VALUES (NULL, 'draft');
SELECT is(attach('keyless'), 'attached');
-- Many words.
CREATE TABLE many (sid text PRIMARY KEY, status text);
INSERT INTO many SELECT n, 'word' || n FROM generate_series(10, 30) AS n;
SELECT alike(attach('many'), '22023 column "status" of app.many holds words that mean no state: ''word10'' (1 row), % ''word19'' (1 row), ...');
-- Words that are only possible.
CREATE TYPE mood AS ENUM ('new', 'sent', 'read');
CREATE TABLE moods (sid text PRIMARY KEY, status mood);
SELECT is(problems('moods'), ARRAY['WARNING: column "status" of app.moods has no word for failed. A message that fails keeps the state that it had before.',
    'WARNING: column "status" of app.moods may hold words that mean no state: ''new''. A status replaces them. Say what they mean: {"state": {"column": "status", "means": {"new": "failed"}}};'
    ' or "keep": ["new"] if no status may replace them; or "replace": ["new"] if each may.'], 'and an enum without a word for failure');
SELECT is(attach('moods'), 'attached', 'a warning refuses nothing');
SELECT is(problems('moods', '{"state": {"column": "status", "replace": ["new"], "spelling": {"failed": "sent"}}}'), NULL);
-- Options that are wrong.
SELECT is(attach('logs', '{"state": {"column": "status", "means": {"x": "lost"}}}'), '22023 invalid options given for "state": unknown state in "means"');
SELECT is(attach('logs', '{"state": {"column": "status", "keep": ["x"], "replace": ["X"]}}'), '22023 invalid options given for "state": a word is given more than one meaning');
SELECT is(attach('logs', '{"state": {"column": "status", "keep": "x"}}'), '22023 invalid options given for "state": wrong type of an option');
SELECT is(attach('logs', '{"timeline": {"column": "status", "keep": []}}'), '22023 invalid column given for "timeline"');

-- Rows of one message with different states: a history.
CREATE TABLE history (sid text, status text, at timestamptz);
CREATE INDEX ON history (sid);
INSERT INTO history VALUES ('h', 'sent', '2024-12-10 10:00Z'), ('h', 'delivered', '2024-12-10 10:01Z'), ('i', 'sent', '2024-12-10 10:00Z'), ('i', 'Sent', '2024-12-10 10:00Z');
SELECT observe('h', 'read');
SELECT alike((problems('history'))[2], 'ERROR 22023: app.history has rows of the same message with different states, for 1 message. Every row of a message would show its last state%"every_row": true}}.');
SELECT is(attach('history'), '22023 app.history has rows of the same message with different states, for 1 message');
SELECT is((SELECT array_agg(status ORDER BY at, status) FROM history WHERE sid = 'h'), '{sent,delivered}', 'the history stays');
SELECT is(attach('history', '{"state": {"column": "status", "every_row": true}}'), 'attached');
SELECT is((SELECT array_agg(status ORDER BY at, status) FROM history WHERE sid = 'h'), '{read,read}', 'unless asked for');

-- A lookup table: the foreign key says what the column can hold.
CREATE TABLE words (word text PRIMARY KEY);
INSERT INTO words VALUES ('SENT'), ('READ');
CREATE TABLE looked (sid text PRIMARY KEY, status text REFERENCES words);
SELECT is((SELECT p.spelling - 'played' FROM msgstatus.preview_attach('looked', 'sid') AS p WHERE p.fact = 'state'), '{"sent": "SENT", "partially_delivered": "SENT", "read": "READ"}');
SELECT is(problems('looked'), ARRAY['WARNING: column "status" of app.looked has no word for failed. A message that fails keeps the state that it had before.']);
SELECT is(attach('looked', '{"state": {"column": "status", "spelling": {"failed": "FAILED"}}}'), '22023 the column cannot hold ''FAILED'', the spelling of state failed');
INSERT INTO words VALUES ('FAILED');
SELECT is(attach('looked', '{"state": {"column": "status", "spelling": {"failed": "FAILED"}}}'), 'attached');

-- A key that matches nothing.
CREATE TABLE wrong_key (number text PRIMARY KEY, sid text UNIQUE, status text);
INSERT INTO wrong_key VALUES ('17', 'a', NULL), ('18', 'b', NULL), ('19', 'nobody', NULL);
SELECT alike((problems('wrong_key', NULL, 'number'))[1], 'WARNING: column "number" of app.wrong_key holds the id of no known message. It holds, for example, ''17''; the provider''s ids look like %');
SELECT is(attach('wrong_key', NULL, 'number'), 'attached', 'the messages may be still to come');
SELECT is(problems('wrong_key'), NULL);
SELECT is((SELECT p.remark FROM msgstatus.preview_attach('wrong_key', 'sid') AS p WHERE p.column_name = 'sid'), 'the key: 2 rows have the id of a known message');

-- Columns without time zone.
SET LOCAL timezone = 'Asia/Kolkata';
CREATE TABLE zoned (sid text PRIMARY KEY, read_at timestamp, created_at timestamp DEFAULT now());
SELECT is(problems('zoned'), ARRAY['WARNING: column "created_at" of app.zoned defaults to the session''s time, here in Asia/Kolkata, but statuses are written in UTC. '
    'Both are without time zone. If the application''s sessions use this zone, attach with time_zone => ''Asia/Kolkata''.']);
SELECT is((SELECT p.remark FROM msgstatus.preview_attach('zoned', 'sid') AS p WHERE p.column_name = 'read_at'), 'in the time zone UTC');
SELECT is_empty($$SELECT FROM msgstatus.preview_attach('zoned', 'sid', time_zone => 'Asia/Kolkata') AS p WHERE p.column_name IS NULL$$);
ALTER TABLE zoned ALTER created_at SET DEFAULT (now() AT TIME ZONE 'UTC');
SELECT is(problems('zoned'), NULL, 'a default in UTC is right');

-- Row-level security.
CREATE ROLE t_owner;
CREATE ROLE t_attacher;
SELECT msgstatus.grant_access('t_attacher', 'operator');
GRANT USAGE, CREATE ON SCHEMA app TO t_attacher, t_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO t_attacher;
SET LOCAL ROLE t_owner;
CREATE TABLE secured (sid text PRIMARY KEY, status text, tenant text DEFAULT 'x');
INSERT INTO secured VALUES ('a', 'sent'), ('b', 'sent');
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
GRANT SELECT, UPDATE, TRIGGER ON secured TO t_attacher;
CREATE POLICY readers ON secured FOR SELECT USING (true);
SET LOCAL ROLE t_attacher;
SELECT is(problems('secured'), ARRAY['ERROR 42501: no policy of app.secured lets role t_attacher update rows. Attach it as its owner, or: CREATE POLICY ... ON app.secured TO t_attacher USING (true).']);
SELECT is(attach('secured'), '42501 no policy of app.secured lets role t_attacher update rows', 'no status could ever be shown');
SET LOCAL ROLE t_owner;
CREATE POLICY attachers ON secured TO t_attacher USING (true);
SET LOCAL ROLE t_attacher;
SELECT is(problems('secured'), ARRAY['WARNING: policies of app.secured apply to role t_attacher. Rows that they hide from this role do not show their statuses.']);
SET LOCAL ROLE t_owner;
UPDATE secured SET status = 'bounced' WHERE sid = 'b';
SET LOCAL ROLE t_attacher;
SELECT is(attach('secured'), '22023 column "status" of app.secured holds words that mean no state: ''bounced'' (1 row)', 'words are checked all the same');
SELECT is(attach('secured', '{"state": {"column": "status", "means": {"bounced": "failed"}}}'), 'attached');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM secured), '{read,read}');
RESET ROLE;

SELECT finish();
ROLLBACK;
