-- Which columns of a user's table show what: found by name and type, or given; how they spell the states; what is wrong.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();
CREATE SCHEMA app;
SET LOCAL search_path = app, public;

-- Returns what columns show, as {"fact": "column"}.
CREATE FUNCTION found(target regclass, columns jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg(p.fact, p.column_name) FROM msgstatus.preview_attach(target, 'id', columns) AS p WHERE p.fact IS NOT NULL
$$;
-- Returns the remarks on columns, as {"column": "remark"}.
CREATE FUNCTION remarks(target regclass, key_column name DEFAULT 'id', columns jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_object_agg(COALESCE(p.column_name, p.fact, ''), p.remark))
    FROM msgstatus.preview_attach(target, key_column, columns) AS p
$$;
-- Returns the words of a column, those of the states that have a word of their own in most tables.
CREATE FUNCTION spelled(type text, clause text DEFAULT '', columns jsonb DEFAULT NULL, content text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    found jsonb;
BEGIN
    EXECUTE format('CREATE TABLE app.spelled (id text PRIMARY KEY, status %s %s)', type, clause);
    IF content IS NOT NULL THEN
        EXECUTE format('INSERT INTO app.spelled SELECT n::text, (%L::text[])[n] FROM generate_subscripts(%L::text[], 1) AS n', content, content);
    END IF;
    found := (SELECT COALESCE(p.spelling, to_jsonb(p.remark)) FROM msgstatus.preview_attach('app.spelled', 'id', columns) AS p WHERE p.column_name = 'status');
    DROP TABLE app.spelled;
    RETURN found;
END
$$;
CREATE FUNCTION main(spelling jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', spelling ->> 'queued', spelling ->> 'sent', spelling ->> 'delivered', spelling ->> 'read', spelling ->> 'failed')
$$;

-- By name and type.
CREATE TABLE whole (id text PRIMARY KEY, status text, sent_at timestamptz, delivered_at timestamp, read_at timestamptz(0), failed_at timestamptz,
    played_at timestamptz, error_code integer, error_message text, retry_count smallint, updated_at timestamptz, last_status_check timestamptz, note text);
SELECT is(found('whole'), '{"state": "status", "sent_at": "sent_at", "delivered_at": "delivered_at", "read_at": "read_at", "failed_at": "failed_at",
    "played_at": "played_at", "error_code": "error_code", "error_text": "error_message", "retry_count": "retry_count",
    "updated_at": "updated_at", "last_status_check": "last_status_check"}');
SELECT is(remarks('whole'), '{"id": "the key", "delivered_at": "in the time zone UTC"}', 'nothing is to be said of them');
CREATE TABLE camel (id text PRIMARY KEY, "deliveryStatus" text, status text, "sentAt" timestamptz, "Cancelled_At" timestamptz, "failureReason" varchar(5),
    "errorCode" varchar(10), "retryCount" bigint, "updatedAt" timestamp, statuses jsonb, anything msgstatus.message_status);
SELECT is(found('camel'), '{"state": "deliveryStatus", "sent_at": "sentAt", "canceled_at": "Cancelled_At", "error_text": "failureReason", "error_code": "errorCode",
    "retry_count": "retryCount", "updated_at": "updatedAt", "timeline": "statuses", "status": "anything"}', 'in any case, the clearer name first');
SELECT is(remarks('camel') ->> 'status', 'left out: another column shows state');
CREATE TABLE bare (id text PRIMARY KEY, sent timestamptz, "deliveredDate" timestamp, delivered timestamptz, read boolean, failed_reason text);
SELECT is(found('bare'), '{"sent_at": "sent", "delivered_at": "deliveredDate", "error_text": "failed_reason"}', 'the state alone tells as well, where it is a time');
SELECT is(remarks('bare') - 'id', '{"delivered": "left out: another column shows delivered_at", "read": "left out: read_at takes timestamptz or timestamp; if given, date, text, or a number of a unit", "deliveredDate": "in the time zone UTC"}');
CREATE DOMAIN words AS varchar(20);
CREATE DOMAIN words_of_words AS words;
CREATE TABLE domains (id words PRIMARY KEY, status words_of_words);
SELECT is(found('domains'), '{"state": "status"}', 'domains count as what they are made of');
CREATE TABLE others (id text PRIMARY KEY, status integer, state json, sent_at date, delivered_at text, error_code smallint, retry_count text,
    scheduled_at timestamptz, received_at timestamptz, read_at timestamptz GENERATED ALWAYS AS ('2024-12-10Z'::timestamptz) STORED,
    failed_at timestamptz);
SELECT is(found('others'), '{"failed_at": "failed_at"}', 'a type that does not fit, and what may mean something else, is left out');
SELECT is(remarks('others'), '{"id": "the key", "status": "left out: say which number is which state: {\"state\": {\"column\": \"status\", \"spelling\": {\"sent\": 1}}}",
    "state": "left out: state takes text, varchar, char, an enum, delivery_state, or an integer with a spelling", "sent_at": "left out: may be given as sent_at",
    "delivered_at": "left out: may be given as delivered_at", "error_code": "left out: error_code takes integer, bigint, numeric, text, varchar or char",
    "retry_count": "left out: retry_count takes smallint, integer, bigint or numeric", "scheduled_at": "left out: may be given as scheduled_at",
    "received_at": "left out: may be given as received_at", "read_at": "left out: a generated column"}', 'and preview_attach says why');

-- Given.
SELECT is(found('whole', '{"error_text": "note", "retry_count": null, "updated_at": null, "state": {"column": "error_message"}}') - '{sent_at,delivered_at,read_at,failed_at,played_at}'::text[],
    '{"state": "error_message", "error_text": "note", "error_code": "error_code", "last_status_check": "last_status_check"}', 'what is given wins, and null leaves out');
SELECT is(remarks('whole', columns => '{"retry_count": null}') ->> 'retry_count', 'left out: retry_count was given');
SELECT is(found('others', '{"scheduled_at": "scheduled_at"}'), '{"failed_at": "failed_at", "scheduled_at": "scheduled_at"}');

-- Spelling.
SELECT is(main(spelled('text')), 'queued sent delivered read failed', 'lower case, if nothing is known');
SELECT is(spelled('text') ->> 'undelivered', 'undelivered');
SELECT is(main(spelled('text', 'DEFAULT ''PENDING''')), 'QUEUED SENT DELIVERED READ FAILED', 'in the style of the DEFAULT');
SELECT is(main(spelled('text', 'DEFAULT ''Queued''')), 'Queued Sent Delivered Read Failed');
SELECT is(main(spelled('varchar(10)', content => '{other,Sent,SENT,SENT,odd}')), 'QUEUED SENT DELIVERED READ FAILED', 'in that of most rows');
SELECT is(spelled('text', content => '{Enqueued,CANCELLED}') -> 'canceled', '"CANCELLED"', 'a synonym is a state''s word, too');
SELECT is(main(spelled('text', 'DEFAULT ''sent'' CHECK (status IN (''Sent'', ''Read'', ''O''''K''))')), 'Sent Read', 'a CHECK constraint says what can be held');
SELECT is(spelled('text', 'CHECK (status IN (''PENDING'', ''SENT'', ''DELIVERED'', ''READ'', ''FAILED''))'), '{"pending": "PENDING", "scheduled": "PENDING",
    "accepted": "PENDING", "queued": "PENDING", "sending": "PENDING", "sent": "SENT", "partially_delivered": "SENT", "failed": "FAILED", "undelivered": "FAILED",
    "delivered": "DELIVERED", "read": "READ", "played": "READ"}', 'the nearest state stands for what cannot');
SELECT is(spelled('varchar(8)') ->> 'undelivered', 'failed', 'nor by its length');
SELECT is(spelled('varchar(8)') ->> 'delivered', NULL);
CREATE TYPE own_states AS ENUM ('Queued', 'SENT', 'delivered', 'Error');
SELECT is(main(spelled('own_states')), 'Queued SENT delivered', 'an enum says what it holds');
SELECT is(spelled('own_states') ? 'failed', false);
SELECT is(spelled('own_states', columns => '{"state": {"column": "status", "spelling": {"failed": "Error"}}}') ->> 'undelivered', 'Error', 'a given word');
SELECT is(main(spelled('msgstatus.delivery_state')), 'queued sent delivered read failed');
SELECT is(spelled('text', columns => '{"state": {"column": "status", "spelling": {"sent": "ENVIADO", "played": null}}}') - '{processing,received,pending,scheduled,accepted,queued,sending,canceled,skipped,partially_delivered}'::text[],
    '{"sent": "ENVIADO", "delivered": "DELIVERED", "read": "READ", "failed": "FAILED", "undelivered": "UNDELIVERED"}', 'null is for none, the rest in the style of what is given');
SELECT is(spelled('jsonb', columns => '{"timeline": {"column": "status", "spelling": {"sent": "enviado"}}}') ->> 'sent', 'enviado', 'a timeline has words, too');
CREATE DOMAIN short_state AS text CHECK (VALUE IN ('sent', 'failed'));
SELECT is(main(spelled('short_state')), 'sent failed', 'a domain says what it holds');
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
SELECT is(main(spelled('text', 'CHECK (leak(status))')), 'queued sent delivered read failed', 'no function of a user''s is called');

-- Errors: what attach_table raises, preview_attach shows.
CREATE FUNCTION raises(target text, key_column text, columns jsonb, code text, message text, hint text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    h text;
BEGIN
    RETURN NEXT throws_ok(format('SELECT msgstatus.attach_table(%L, %L, %L)', target, key_column, columns), code, message);
    BEGIN
        EXECUTE format('SELECT msgstatus.attach_table(%L, %L, %L)', target, key_column, columns);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
    END;
    RETURN NEXT alike(h, hint, message);
    RETURN NEXT is(EXISTS (SELECT FROM msgstatus.preview_attach(target::regclass, key_column, columns) AS p
        WHERE p.remark = format('ERROR %s: %s. %s', code, message, h)), true, 'preview_attach says so');
END
$$;
CREATE VIEW a_view AS SELECT * FROM whole;
CREATE TABLE parted (id text PRIMARY KEY, status text) PARTITION BY HASH (id);
CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TEMP TABLE temporary (id text PRIMARY KEY, status text);
CREATE TABLE numbered (number numeric PRIMARY KEY, status text UNIQUE, code integer GENERATED ALWAYS AS IDENTITY);
SELECT throws_ok($$SELECT msgstatus.attach_table('app.nothing', 'id')$$, '42P01');
SELECT throws_ok($$SELECT msgstatus.attach_table(0::regclass, 'id')$$, '42P01');
SELECT raises('a_view', 'id', NULL, '42809', 'app.a_view is a view', 'Attach the table that holds the rows: app.whole.');
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE distant (id text, status text) SERVER nowhere;
SELECT raises('distant', 'id', NULL, '42809', 'app.distant is a foreign table', 'Attach the table on the server where it is, %');
SELECT raises('part', 'id', NULL, '42809', 'app.part is a partition', 'Attach the partitioned table.');
SELECT throws_ok($$SELECT msgstatus.attach_table('temporary', 'id')$$, '42809');
SELECT raises('msgstatus.message', 'message_id', NULL, '42809', 'msgstatus.message belongs to msgstatus or to PostgreSQL', '%');
SELECT raises('whole', 'sid', NULL, '42703', 'column "sid" of app.whole does not exist', 'The key is the column that holds the id the provider gave%');
SELECT raises('whole', NULL, NULL, '42703', 'no key column of app.whole was given', 'The key is the column that holds the id the provider gave%');
SELECT raises('numbered', 'number', NULL, '42804', 'column "number" of app.numbered is of type numeric and cannot be the key', '%text, varchar, char, citext, uuid, integer or bigint.');
SELECT raises('whole', 'id', '[]', '22023', 'columns must be an object of facts and columns', 'For example%');
SELECT raises('whole', 'id', '{"colour": "note"}', '22023', 'unknown fact "colour"', 'The facts are state, status, timeline, processing_at, %');
SELECT raises('whole', 'id', '{"state": 5}', '22023', 'invalid column given for "state"', '%');
SELECT raises('whole', 'id', '{"sent_at": {"column": "sent_at", "spelling": {}}}', '22023', 'invalid column given for "sent_at"', '%');
SELECT raises('whole', 'id', '{"state": {"column": "status", "speling": {}}}', '22023', 'invalid column given for "state"', '%');
SELECT raises('whole', 'id', '{"state": "stat"}', '42703', 'column "stat" of app.whole, given for "state", does not exist', 'The columns are id, status, sent_at, %');
SELECT raises('whole', 'id', '{"retry_count": "note"}', '42804', 'column "note" of app.whole is of type text and cannot hold "retry_count"', 'The column must be of type smallint, integer, bigint or numeric.');
SELECT raises('whole', 'id', '{"read_at": "sent_at", "sent_at": "sent_at"}', '22023', 'column "sent_at" is given for more than one fact', '%');
SELECT raises('whole', 'id', '{"state": "id"}', '22023', 'column "id" is given for more than one fact', '%');
SELECT raises('others', 'id', '{"read_at": "read_at"}', '428C9', 'column "read_at" of app.others, given for "read_at", is a generated column', 'PostgreSQL itself computes the values of this column.');
SELECT raises('numbered', 'status', '{"error_code": "code"}', '428C9', 'column "code" of app.numbered, given for "error_code", is an identity column', '%');
SELECT raises('whole', 'id', '{"state": {"column": "status", "spelling": {"seen": "x"}}}', '22023', 'unknown state in the spelling of "state"', 'The states are processing, %');
SELECT raises('others', 'id', '{"state": {"column": "delivered_at", "spelling": []}}', '22023', 'invalid column given for "state"', '%');
CREATE TABLE shorts (id text PRIMARY KEY, status varchar(3), sent_at timestamptz);
SELECT raises('shorts', 'id', '{"state": {"column": "status", "spelling": {"sent": "SENT"}}}', '22023', 'the column cannot hold ''SENT'', the spelling of state sent', '%');
SELECT raises('shorts', 'id', '{"state": "status"}', '42804', 'column "status" of app.shorts, of type character varying(3), can hold none of sent, delivered, read and failed', '%spelling%');
SELECT is(found('shorts'), '{"sent_at": "sent_at"}', 'found only, it is left out');
SELECT is(remarks('shorts') ->> 'status', 'left out: cannot hold state');
CREATE TABLE plain (id text PRIMARY KEY, note text, updated_at timestamptz);
SELECT raises('plain', 'id', NULL, '22023', 'app.plain has no column that can show a status', '%preview_attach%');
SELECT throws_ok($$SELECT msgstatus.attach_table('whole', 'id', time_zone => 'Mars')$$, '22023');
SELECT throws_ok($$SELECT msgstatus.attach_table('whole', 'id', time_zone => NULL)$$, '22004');

-- Keys that are not unique, or have no index.
CREATE TABLE keys (none text, many text, once text, partly text, status text);
CREATE INDEX ON keys (many);
CREATE UNIQUE INDEX ON keys (once) WHERE once IS NOT NULL;
CREATE UNIQUE INDEX ON keys (partly) WHERE status = 'sent';
SELECT alike(remarks('keys', 'none') ->> '', 'WARNING: key column "none" of app.keys has no index. Every status reads the whole table, which is slow: CREATE UNIQUE INDEX ON app.keys ("none").');
SELECT alike(remarks('keys', 'partly') ->> '', 'WARNING: % has no index.%');
SELECT alike(remarks('keys', 'many') ->> '', 'WARNING: key column "many" of app.keys is not unique. Every row of a message is updated.'
    ' If the table has a row for each status, attach it as a history: {"state": {"column": ..., "history": true}}.');
SELECT is(remarks('keys', 'once') ? '', false, 'an index on those that have a key is as good');

-- Rights.
CREATE ROLE t_operator;
CREATE ROLE t_nobody;
SELECT msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA app TO t_operator, t_nobody;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO t_operator;
SET LOCAL ROLE t_nobody;
SELECT throws_ok($$SELECT msgstatus.preview_attach('whole', 'id')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.attach_table('whole', 'id')$$, '42501');
SET LOCAL ROLE t_operator;
SELECT raises('whole', 'id', NULL, '42501', 'permission denied for table app.whole', '%GRANT SELECT, UPDATE, TRIGGER ON app.whole TO t_operator.');
RESET ROLE;
GRANT SELECT, UPDATE (status) ON whole TO t_operator;
SET LOCAL ROLE t_operator;
SELECT raises('whole', 'id', '{"sent_at": "sent_at"}', '42501', 'permission denied for table app.whole', '%');
RESET ROLE;
GRANT TRIGGER ON whole TO t_operator;
SET LOCAL ROLE t_operator;
SELECT throws_ok($$SELECT msgstatus.attach_table('whole', 'id')$$, '42501', 'permission denied for column "sent_at" of app.whole');
RESET ROLE;

SELECT is_empty('SELECT * FROM msgstatus.attached_table', 'nothing was attached by all this');
SELECT is_empty($$SELECT * FROM pg_trigger WHERE tgname LIKE 'msgstatus%'$$);
SELECT finish();
ROLLBACK;
