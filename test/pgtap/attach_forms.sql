-- Tables of other forms: numbers and flags for states, times as dates, texts and numbers, keys that are no text.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

CREATE FUNCTION attach(target regclass, columns jsonb DEFAULT NULL, key_column text DEFAULT 'sid') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM msgstatus.attach_table(target, key_column, columns);
    RETURN 'attached';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Applies one status, so many seconds after 10:30.
CREATE FUNCTION observe(id text, status text, seconds integer DEFAULT 0) RETURNS text LANGUAGE sql AS $$
    SELECT msgstatus.apply_message_status(jsonb_build_object('id', id, 'status', status, 'timestamp', 1733826600 + seconds), '2024-12-10 12:00Z') ->> 'applied'
$$;

-- Numbers and flags.
CREATE TABLE numbers (sid text PRIMARY KEY, status smallint NOT NULL DEFAULT 0, is_delivered boolean NOT NULL DEFAULT false, is_read boolean, is_failed boolean, retry_count integer);
INSERT INTO numbers (sid, status) VALUES ('a', 0), ('b', 5);
SELECT observe('a', 'sent');
SELECT alike(attach('numbers', '{"state": "status"}'), '42804 %can hold none of sent, delivered, read and failed');
SELECT is(attach('numbers', '{"state": {"column": "status", "spelling": {"queued": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}}}'),
    '22023 column "status" of app.numbers holds words that mean no state: ''5'' (1 row)');
SELECT is(attach('numbers', '{"state": {"column": "status", "spelling": {"queued": 0, "sent": 70000}}}'), '22023 the column cannot hold ''70000'', the spelling of state sent');
SELECT is(attach('numbers', '{"state": {"column": "status", "keep": ["5"], "spelling": {"queued": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}}}'), 'attached');
SELECT is((SELECT n::text FROM numbers AS n WHERE sid = 'a'), '(a,1,f,,,0)', 'a number for a state');
SELECT observe('a', 'read', 2), observe('b', 'failed');
SELECT is((SELECT n::text FROM numbers AS n WHERE sid = 'a'), '(a,3,t,t,,0)', 'read, and so delivered');
SELECT is((SELECT n::text FROM numbers AS n WHERE sid = 'b'), '(b,5,f,,t,1)');
SELECT observe('a', 'delivered', 1), observe('a', 'failed', 1);
SELECT is((SELECT n::text FROM numbers AS n WHERE sid = 'a'), '(a,3,t,t,t,1)', 'and does not go back');
SELECT is((SELECT failures FROM msgstatus.attached_tables), 0::bigint);

-- A number that references a table of states.
CREATE TABLE statuses (id integer PRIMARY KEY, name text);
INSERT INTO statuses VALUES (1, 'sent'), (2, 'read');
CREATE TABLE referring (sid text PRIMARY KEY, status_id integer REFERENCES statuses);
SELECT is(attach('referring', '{"state": {"column": "status_id", "spelling": {"sent": 1, "failed": 3}}}'), '22023 the column cannot hold ''3'', the spelling of state failed');
SELECT is(attach('referring', '{"state": {"column": "status_id", "spelling": {"sent": 1, "read": 2}}}'), 'attached');
INSERT INTO referring VALUES ('a');
SELECT is((SELECT status_id FROM referring), 2);

-- Times.
CREATE TABLE times (sid text PRIMARY KEY, sent_at date, delivered_at text, read_at bigint, failed_at integer, updated_at varchar(30), played_at double precision);
SELECT is(attach('times'), '22023 app.times has no column that can show a status', 'none is found by its name');
SELECT is(attach('times', '{"read_at": "read_at"}'), '22023 column "read_at" of app.times, given for "read_at", is of type bigint and requires a unit');
SELECT is(attach('times', '{"failed_at": {"column": "failed_at", "unit": "milliseconds"}}'), '22023 column "failed_at" of app.times, given for "failed_at", is of type integer and cannot hold milliseconds');
SELECT is(attach('times', '{"sent_at": {"column": "sent_at", "unit": "seconds"}}'), '22023 column "sent_at" of app.times, given for "sent_at", is of type date and takes no unit');
SELECT is(attach('times', '{"sent_at": "sent_at", "delivered_at": "delivered_at", "read_at": {"column": "read_at", "unit": "milliseconds"}, "failed_at": {"column": "failed_at", "unit": "seconds"},
    "updated_at": "updated_at", "played_at": {"column": "played_at", "unit": "seconds"}}'), 'attached');
INSERT INTO times (sid, delivered_at, read_at) VALUES ('t', NULL, NULL), ('u', '2024-12-10 10:00', 5), ('v', 'soon', NULL);
SELECT observe('t', 'read', 9), observe('t', 'failed', 8), observe('u', 'read', 9), observe('v', 'delivered', 1);
SELECT is((SELECT (sent_at, delivered_at, read_at, failed_at, played_at, updated_at ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')::text FROM times WHERE sid = 't'), '(2024-12-10,2024-12-10T10:30:09Z,1733826609000,1733826608,,t)');
SELECT is((SELECT (delivered_at, read_at)::text FROM times WHERE sid = 'u'), '("2024-12-10 10:00",5)', 'the earlier time stays');
SELECT is((SELECT delivered_at FROM times WHERE sid = 'v'), 'soon', 'and a text that is no time');
SELECT observe('t', 'delivered', 3), observe('t', 'read', 5);
SELECT is((SELECT (delivered_at, read_at)::text FROM times WHERE sid = 't'), '(2024-12-10T10:30:03Z,1733826605000)', 'an earlier time replaces');
SELECT is((SELECT sum(failures) FROM msgstatus.attached_tables), 0::numeric);

-- Timelines in json.
CREATE TABLE documents (sid text PRIMARY KEY, timeline json, retry_count integer);
INSERT INTO documents VALUES ('j', '{"template": "x", "sent":"2024-12-10 10:30:00"}'), ('k', NULL), ('l', '"text"');
SELECT is((SELECT p.fact FROM msgstatus.preview_attach('documents', 'sid') AS p WHERE p.column_name = 'timeline'), 'timeline');
SELECT is(attach('documents'), 'attached');
SELECT observe('j', 'delivered', 3), observe('j', 'sent', 1), observe('k', 'failed', 4);
SELECT is((SELECT timeline::jsonb FROM documents WHERE sid = 'j'), '{"template": "x", "sent": "2024-12-10 10:30:00", "delivered": "2024-12-10T10:30:03Z"}', 'merged; the earlier time stays');
SELECT is((SELECT (timeline, retry_count)::text FROM documents WHERE sid = 'k'), '("{""failed"": ""2024-12-10T10:30:04Z""}",1)');
SELECT ctid AS before FROM documents WHERE sid = 'j' \gset
SELECT observe('j', 'sent', 2);
SELECT is(msgstatus.resync_table('documents'), 0::bigint);
SELECT is((SELECT ctid FROM documents WHERE sid = 'j'), :'before'::tid, 'what is no news is not written');
SELECT observe('l', 'sent');
SELECT is((SELECT (f.message_id, f.error_message)::text FROM msgstatus.attached_table_failure AS f), '(l,"timeline must be a JSON object, not of type string")');
SELECT msgstatus.detach_table('documents');

-- Arrays of entries.
CREATE TABLE lists (sid text PRIMARY KEY, status_history jsonb DEFAULT '[]', retry_count integer DEFAULT 0);
INSERT INTO lists VALUES ('a1', '[{"state": "Enqueued", "time": "2024-12-10 10:29", "by": "app"}, {"state": "SENT", "time": "2024-12-10 10:30"}, 7, "note"]'), ('a2', DEFAULT), ('a3', NULL);
SELECT observe('a1', 'sent', 1), observe('a1', 'read', 5);
SELECT is(attach('lists'), '22023 column "status_history" of app.lists holds arrays, not objects of states and times', 'not found to be a timeline');
SELECT is((SELECT p.remark FROM msgstatus.preview_attach('lists', 'sid') AS p WHERE p.column_name IS NULL),
    'ERROR 22023: column "status_history" of app.lists holds arrays, not objects of states and times. To have each state added to the array once: {"timeline": {"column": "status_history", "entries": ["state", "time"]}}. Or leave it out: {"timeline": null}.',
    'but preview_attach proposes this form');
SELECT is((SELECT p.remark FROM msgstatus.preview_attach('lists', 'sid', '{"timeline": {"column": "status_history", "entries": ["state", "time"]}}') AS p WHERE p.fact = 'timeline'),
    'each status adds an entry to the array');
SELECT is(attach('lists', '{"timeline": {"column": "status_history", "entries": ["state", "time"], "spelling": {"failed": "FAILED", "undelivered": "FAILED"}}}'), 'attached');
SELECT is((SELECT status_history FROM lists WHERE sid = 'a1'), '[{"state": "Enqueued", "time": "2024-12-10 10:29", "by": "app"}, {"state": "SENT", "time": "2024-12-10 10:30"}, 7, "note",
    {"state": "READ", "time": "2024-12-10T10:30:05Z"}]', 'only what has no entry is added');
SELECT observe('a1', 'queued', 1), observe('a1', 'read', 3), observe('a1', 'read', 5), observe('a1', 'delivered', 4);
SELECT is((SELECT jsonb_path_query_array(status_history, '$[*].state') FROM lists WHERE sid = 'a1'), '["Enqueued", "SENT", "READ", "DELIVERED"]', 'once');
SELECT observe('a3', 'undelivered', 9);
SELECT is(msgstatus.apply_message_status('[{"id": "a2", "status": "undelivered", "timestamp": 1733826609}, {"id": "a2", "status": "failed", "timestamp": 1733826608},
    {"id": "a2", "status": "sent", "timestamp": 1733826601}, {"id": "a3", "status": "failed", "timestamp": 1733826608}]') ->> 'applied', '4');
SELECT is((SELECT (status_history, retry_count)::text FROM lists WHERE sid = 'a2'),
    '("[{""time"": ""2024-12-10T10:30:01Z"", ""state"": ""SENT""}, {""time"": ""2024-12-10T10:30:08Z"", ""state"": ""FAILED""}]",1)', 'in the order of time; states that share a word share an entry');
SELECT is((SELECT jsonb_path_query_array(status_history, '$[*].state') FROM lists WHERE sid = 'a3'), '["FAILED"]');
SELECT observe('a4', 'sent');
INSERT INTO lists VALUES ('a4', '[{"state": "sent"}]'), ('a5', '{}');
SELECT is((SELECT status_history FROM lists WHERE sid = 'a4'), '[{"state": "sent"}]');
SELECT is(msgstatus.resync_table('lists'), 0::bigint);
SELECT observe('a5', 'sent');
SELECT is((SELECT (f.message_id, f.error_message)::text FROM msgstatus.attached_table_failure AS f), '(a5,"list of statuses must be a JSON array, not of type object")');
SELECT is(attach('lists', '{"timeline": {"column": "status_history", "entries": ["state", "time"]}}'), '22023 column "status_history" of app.lists holds objects, not arrays of entries');
SELECT is(attach('lists', '{"timeline": {"column": "status_history", "entries": ["state"]}}'), '22023 invalid entries given for "timeline"');
SELECT is(attach('lists', '{"timeline": {"column": "status_history", "entries": ["state", "state"]}}'), '22023 invalid entries given for "timeline"');
SELECT msgstatus.detach_table('lists');

-- Keys.
CREATE TABLE uuids (sid uuid PRIMARY KEY, status text);
CREATE TABLE integers (sid integer PRIMARY KEY, status text);
CREATE TABLE bigints (sid bigint PRIMARY KEY, status text);
CREATE TABLE citexts (sid citext PRIMARY KEY, status text);
SELECT is(attach(t), 'attached', t) FROM unnest('{uuids,integers,bigints,citexts}'::text[]) AS t;
INSERT INTO uuids VALUES ('6f9619ff-8b86-d011-b42d-00cf4fc964ff'), (gen_random_uuid());
INSERT INTO integers VALUES (77), (78);
INSERT INTO bigints VALUES (7712345678901), (78);
INSERT INTO citexts VALUES ('SMab'), ('other');
SELECT is(msgstatus.apply_message_status((SELECT jsonb_agg(jsonb_build_object('id', id, 'status', 'sent', 'timestamp', 1733826600))
    FROM unnest('{6f9619ff-8b86-d011-b42d-00cf4fc964ff,77,7712345678901,SMab,wamid.x,078,smAB}'::text[]) AS id)) ->> 'applied', '7');
SELECT is((SELECT array_agg(status ORDER BY status) FROM uuids), '{sent,NULL}');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM integers), '{sent,NULL}', 'an id that is spelled otherwise is another one');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM bigints), '{NULL,sent}');
SELECT is((SELECT array_agg(status ORDER BY sid DESC) FROM citexts), '{sent,NULL}');
SELECT observe('smAB', 'read'), observe('77', 'delivered'), observe('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'read');
SELECT is((SELECT array_agg(status ORDER BY sid DESC) FROM citexts), '{sent,NULL}', 'an id in another case, too');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM integers), '{delivered,NULL}');
SELECT observe('79', 'read');
INSERT INTO integers VALUES (79);
UPDATE bigints SET sid = 79 WHERE sid = 78;
SELECT is((SELECT array_agg(status ORDER BY sid) FROM integers), '{delivered,NULL,read}', 'rows that come later');
SELECT is((SELECT array_agg(status ORDER BY sid) FROM bigints), '{read,sent}');
UPDATE integers SET status = NULL;
SELECT is(msgstatus.resync_table('integers'), 0::bigint);
SELECT is((SELECT array_agg(status ORDER BY sid) FROM integers), '{delivered,NULL,read}');
SELECT is((SELECT sum(failures) FROM msgstatus.attached_tables), 0::numeric);

SELECT finish();
ROLLBACK;
