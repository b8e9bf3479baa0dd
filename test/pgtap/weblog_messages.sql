-- weblog_messages, weblog_changes and weblog_message: every filter and order, pages by cursor, what has changed, details, and what is
-- shown to whom.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- The ids of a page, in their order.
CREATE FUNCTION ids(parameters jsonb) RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(m ->> 'message_id' ORDER BY place), '{}') FROM jsonb_array_elements(msgstatus.weblog_messages(parameters) -> 'messages') WITH ORDINALITY AS e (m, place)
$$;
-- The ids of all pages, read with a cursor.
CREATE FUNCTION all_ids(parameters jsonb, page_size integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    page jsonb;
    found text[] := '{}';
BEGIN
    LOOP
        page := msgstatus.weblog_messages(parameters || jsonb_build_object('limit', page_size::text));
        found := found || ARRAY(SELECT m ->> 'message_id' FROM jsonb_array_elements(page -> 'messages') WITH ORDINALITY AS e (m, place) ORDER BY place);
        EXIT WHEN page ->> 'next' IS NULL OR cardinality(found) > 1000;
        parameters := parameters || jsonb_build_object('cursor', page ->> 'next');
    END LOOP;
    RETURN found;
END
$$;

SELECT is(msgstatus.weblog_messages() - 'read_at', '{"messages": [], "next": null}', 'nothing there yet');
SELECT is(msgstatus.weblog_message('{"id": "x"}'), NULL, 'nor this one');

INSERT INTO msgstatus.error_code_catalog (provider, code, meaning, retryable) VALUES ('meta', 131047, '24 hour window closed', false) ON CONFLICT DO NOTHING;
SELECT msgstatus.create_campaign('spring <b>') AS campaign \gset
SELECT msgstatus.register_message('wamid.A', 'meta', 'outbound', '+4930123456', '+491701234567', 'template', metadata => '{"order": "A-1"}', content => '<script>alert(1)</script>',
    campaign_id => :'campaign', created_by => 'shop');
SELECT counts('[{"id": "wamid.A", "status": "failed", "timestamp": "1733832060", "recipient_id": "491701234567", "errors": [{"code": 131047, "title": "Re-engagement"}]},
    {"id": "wamid.A", "status": "sent", "timestamp": "1733832000", "recipient_id": "491701234567"}]', source => 'receiver');
SELECT counts('{"MessageSid": "SM1", "MessageStatus": "sent", "From": "+4930123456", "To": "+491511111111"}');
SELECT counts('{"MessageSid": "SM2", "MessageStatus": "undelivered", "From": "+4930123456", "To": "+491522222222", "ErrorCode": 30003}');
SELECT counts('{"id": "in", "status": "received", "timestamp": "1733832000"}');
SELECT msgstatus.register_message('none', 'aisensy', 'outbound', '+4930123456', '+15550100001', 'text');
UPDATE msgstatus.message SET direction = 'inbound', message_type = 'image' WHERE message_id = 'in';
-- Three of the same time.
UPDATE msgstatus.message SET created_at = '2024-12-10 12:00Z' WHERE message_id IN ('wamid.A', 'SM1', 'SM2');
UPDATE msgstatus.message SET created_at = '2024-12-10 13:30Z' WHERE message_id = 'none';
UPDATE msgstatus.message SET created_at = '2024-12-11 00:00Z' WHERE message_id = 'in';
SELECT msgstatus.rebuild_rollups();

-- The shape of a row.
SELECT is((msgstatus.weblog_messages('{"type": "template"}') -> 'messages' -> 0) - '{link,updated_at}'::text[], jsonb_build_object(
    'message_id', 'wamid.A', 'created_at', '2024-12-10T12:00:00+00:00', 'sender', '+4930123456', 'recipient', '+491701234567', 'type', 'template',
    'provider', 'meta', 'direction', 'outbound', 'state', 'failed', 'state_at', '2024-12-10T12:01:00+00:00', 'error_code', 131047,
    'error_title', 'Re-engagement', 'error_meaning', '24 hour window closed', 'retryable', false,
    'campaign', jsonb_build_object('id', :'campaign', 'name', 'spring <b>'), 'last_status_check', NULL,
    'last_status_check_outcome', NULL, 'refresh_waiting', false, 'refreshable', false), 'a row of the log');
SELECT ok(msgstatus.weblog_messages() -> 'messages' -> 0 ->> 'link' LIKE 'm\_%', 'links hold stand-ins');

-- Filters and orders.
SELECT is(ids('{}'), '{in,none,wamid.A,SM2,SM1}', 'the newest first');
SELECT is(ids('{"sort": "newest"}'), '{in,none,wamid.A,SM2,SM1}');
SELECT is(ids('{"sort": "state"}'), '{SM2,wamid.A,SM1,in,none}', 'the highest state first, without a state last');
SELECT is(ids('{"state": ["failed"]}'), '{wamid.A}');
SELECT is(ids('{"state": "FAILED"}'), '{wamid.A}', 'one state as a text');
SELECT is(ids('{"state": ["sent", "failed", "undelivered", "sent"]}'), '{wamid.A,SM2,SM1}', 'several states');
SELECT is(ids('{"state": ["sent", "failed", "undelivered"], "sort": "state"}'), '{SM2,wamid.A,SM1}', 'and by state');
SELECT is(ids('{"state": ["read", "sent"]}'), '{SM1}');
SELECT is(ids('{"state": ["read", "played"]}'), '{}');
SELECT is(ids('{"type": "image"}'), '{in}');
SELECT is(ids('{"provider": "twilio"}'), '{SM2,SM1}');
SELECT is(ids('{"direction": "inbound"}'), '{in}');
SELECT is(ids(jsonb_build_object('campaign', :'campaign')), '{wamid.A}');
SELECT is(ids(jsonb_build_object('recipient', r)), '{wamid.A}', r) FROM unnest('{+491701234567,+4917,491701234567,0049 170 1234567,+49 (170) 123-45}'::text[]) AS r;
SELECT is(ids('{"recipient": "+49"}'), '{wamid.A,SM2,SM1}');
SELECT is(ids('{"from": "2024-12-10T13:30:00Z", "to": "2024-12-11T00:00:00Z"}'), '{none}', 'from then on, until before then');
SELECT is(ids('{"from": "2024-12-10T14:30:00+01:00"}'), '{in,none}', 'a time with a zone');
SELECT is(ids('{"text": "a-1 order"}'), '{wamid.A}');
SELECT is(ids('{"state": [], "type": "", "provider": null, "recipient": " ", "text": "", "from": "", "cursor": "", "limit": "", "sort": ""}'), '{in,none,wamid.A,SM2,SM1}', 'an empty text filters nothing');
SELECT is(ids('{"state": ["failed", "undelivered"], "provider": ["twilio"], "recipient": "+4915"}'), '{SM2}', 'all filters at once');

-- What is refused, with a sentence.
SELECT throws_ok(format('SELECT msgstatus.weblog_messages(%L)', p), '22023', m) FROM (VALUES
    ('[]', 'the parameters must be a JSON object'), ('{"stat": "x"}', 'unknown parameter "stat"'), ('{"state": ["sent", "gone"]}', 'there is no state "gone"'),
    ('{"type": ["a", "b"]}', 'parameter "type" takes one value'), ('{"type": {"a": 1}}', 'parameter "type" must be a text or a list of texts'),
    ('{"state": [["sent"]]}', 'parameter "state" must be a text or a list of texts'), ('{"limit": "0"}', 'parameter "limit" must be a number from 1 to 200'),
    ('{"limit": "201"}', 'parameter "limit" must be a number from 1 to 200'), ('{"limit": "-1"}', 'parameter "limit" must be a number from 1 to 200'),
    ('{"sort": "recipient"}', 'cannot sort by "recipient"'), ('{"from": "soon"}', 'parameter "from" must be a time such as 2024-12-10T10:30:00Z'),
    ('{"to": "infinity"}', 'parameter "to" must be a time such as 2024-12-10T10:30:00Z'), ('{"from": "2024-13-45"}', 'parameter "from" must be a time such as 2024-12-10T10:30:00Z'),
    ('{"campaign": "x"}', 'parameter "campaign" must be a key such as 123e4567-e89b-12d3-a456-426614174000'),
    ('{"cursor": "x"}', 'invalid cursor'), ('{"cursor": "sent.5.wamid.A"}', 'invalid cursor'), ('{"cursor": "sent.5.m_AAAAAAAAAAAAAAAAAAAAAAAA"}', 'invalid cursor')) AS v (p, m);
SELECT throws_ok('SELECT msgstatus.weblog_messages(NULL)', '22023');
SELECT throws_ok($$SELECT msgstatus.weblog_message('{"id": ["a", "b"]}')$$, '22023');

-- Pages. Ties, several states, and rows that come in between.
INSERT INTO msgstatus.message (message_id, created_at, status, provider)
SELECT 'many' || n, '2024-12-09 12:00Z'::timestamptz + (n / 7) * interval '1 minute',
    CASE n % 4 WHEN 0 THEN '{}'::msgstatus.message_status ELSE msgstatus.message_status((('{read,failed,sent}'::text[])[n % 4])::msgstatus.delivery_state, '2024-12-09 12:00Z') END, 'bulk'
FROM generate_series(1, 60) AS n;
SELECT msgstatus.rebuild_rollups();
SELECT is(all_ids(p || jsonb_build_object('provider', 'bulk'), s), (SELECT array_agg(message_id ORDER BY CASE WHEN p ->> 'sort' = 'state' THEN msgstatus.state(status) END DESC NULLS LAST, created_at DESC, message_id DESC)
        FROM msgstatus.message WHERE provider = 'bulk' AND (p -> 'state' IS NULL OR p -> 'state' ? msgstatus.state(status)::text)),
    format('pages of %s of %s', s, p))
FROM unnest(ARRAY['{}', '{"sort": "state"}', '{"state": ["read", "failed"]}', '{"state": ["read", "sent", "failed"], "sort": "state"}', '{"state": ["sent"], "sort": "state"}']::jsonb[]) AS p, unnest('{1,7,59,60,61}'::integer[]) AS s;
SELECT msgstatus.weblog_messages('{"provider": "bulk", "limit": "10"}') AS page \gset
INSERT INTO msgstatus.message (message_id, created_at, provider) VALUES ('newcomer', now(), 'bulk');
SELECT msgstatus.rebuild_rollups();
SELECT is((:'page'::jsonb -> 'messages' -> 9 ->> 'message_id') || ' ' || (ids(jsonb_build_object('provider', 'bulk', 'limit', '1', 'cursor', :'page'::jsonb ->> 'next')))[1],
    (SELECT string_agg(message_id, ' ' ORDER BY place) FROM (SELECT message_id, row_number() OVER (ORDER BY created_at DESC, message_id DESC) AS place FROM msgstatus.message WHERE provider = 'bulk' AND message_id <> 'newcomer') AS m WHERE place IN (10, 11)),
    'a message that comes in between moves no page');
SELECT is(:'page' ~ 'wamid|many1[0-9]*"' AND (:'page'::jsonb ->> 'next') ~ 'many', false, 'a cursor holds no id');
DELETE FROM msgstatus.message WHERE provider = 'bulk';
SELECT msgstatus.rebuild_rollups();

-- What has changed.
SET LOCAL track_functions = 'all';
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now() + interval '1 hour', 'ids', '["wamid.A"]'::jsonb)) - 'read_at', '{"new": 0, "changed": []}', 'nothing');
SELECT is(pg_stat_get_xact_function_calls('msgstatus.weblog_rows(boolean, text[])'::regprocedure), NULL, 'and no rows are made of it');
SET LOCAL track_functions = 'none';
SELECT is((SELECT array_agg(m ->> 'message_id') FROM jsonb_array_elements(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'ids', '["SM1", "wamid.A", "gone"]'::jsonb)) -> 'changed') AS m), '{SM1,wamid.A}', 'shown messages that changed');
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now() - interval '1 hour', 'changed_since', now() + c.later, 'ids', '["SM1"]'::jsonb)) #>> '{changed,0,message_id}', c.found, 'changes since the last answer, and of half a minute before it')
FROM (VALUES ('20 seconds'::interval, 'SM1'), ('40 seconds', NULL)) AS c (later, found);
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now() + interval '20 seconds', 'changed_since', now(), 'ids', '["SM1"]'::jsonb)) -> 'changed', '[]', 'but none before the page');
SELECT msgstatus.register_message('new1', 'meta', 'outbound', '+4930123456', '+491701234567', 'text'), msgstatus.register_message('new2', 'twilio', 'outbound', '+4930123456', '+491701234567', 'text');
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now())) -> 'new', '2', 'new messages');
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'ids', '["new1"]'::jsonb)) -> 'new', '1', 'that are not shown yet');
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'provider', 'twilio', 'state', '[]'::jsonb, 'sort', 'state', 'limit', '5')) -> 'new', '1', 'under the filter');
SELECT is(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'state', '["sent", "read"]'::jsonb)) -> 'new', '0');
SELECT throws_ok('SELECT msgstatus.weblog_changes(''{}'')', '22023', 'parameter "since" is missing');
DELETE FROM msgstatus.message WHERE message_id LIKE 'new_';
SELECT msgstatus.rebuild_rollups();

-- Details.
SELECT msgstatus.weblog_message('{"id": "wamid.A"}') AS details \gset
SELECT is(:'details'::jsonb -> 'timeline', '[{"state": "sent", "at": "2024-12-10T12:00:00+00:00", "observed": true, "since_previous_ms": null},
    {"state": "failed", "at": "2024-12-10T12:01:00+00:00", "observed": true, "since_previous_ms": 60000}]', 'the timeline, with the times between');
SELECT is((SELECT array_agg(concat_ws(' ', e ->> 'state', e ->> 'event_time', e ->> 'source', e ->> 'error_code') ORDER BY place) FROM jsonb_array_elements(:'details'::jsonb -> 'events') WITH ORDINALITY AS v (e, place)),
    '{sent 2024-12-10T12:00:00+00:00 receiver,failed 2024-12-10T12:01:00+00:00 receiver 131047}', 'the trail, in order');
SELECT is((:'details'::jsonb -> 'error') - '{advice,details}'::text[], '{"code": 131047, "title": "Re-engagement", "at": "2024-12-10T12:01:00+00:00", "meaning": "24 hour window closed", "retryable": false}');
SELECT is(:'details'::jsonb ->> 'content', '<script>alert(1)</script>', 'a text stays a text');
SELECT is(:'details'::jsonb -> 'metadata', '{"order": "A-1"}');
SELECT is(:'details'::jsonb -> 'raw', '{"sent": "2024-12-10T12:00:00Z", "failed": "2024-12-10T12:01:00Z"}');
SELECT is(:'details'::jsonb -> 'hidden', '[]');
SELECT is(msgstatus.weblog_message(jsonb_build_object('id', :'details'::jsonb -> 'link')), :'details'::jsonb, 'a stand-in finds it, too');
SELECT is(msgstatus.weblog_message('{"id": "none"}') -> 'timeline', '[]', 'no callback yet');
SELECT is(msgstatus.weblog_message('{"id": "none"}') -> 'error', 'null');
SELECT is(msgstatus.weblog_message('{"id": "gone"}'), NULL);
SELECT is(msgstatus.weblog_message('{}'), NULL);
SELECT counts('{"id": "wamid.R", "status": "read", "timestamp": "1733832060"}');
SELECT is((SELECT array_agg(concat_ws(' ', t ->> 'state', t ->> 'observed', t ->> 'since_previous_ms') ORDER BY place) FROM jsonb_array_elements(msgstatus.weblog_message('{"id": "wamid.R"}') -> 'timeline') WITH ORDINALITY AS v (t, place)),
    '{sent false,delivered false 0,read true 0}', 'what a state implies is told from what was observed');

-- Hostile texts come out as they went in.
SELECT msgstatus.register_message(h, h, 'outbound', NULL, '+15550100009', h, content => h, metadata => jsonb_build_object(h, h))
FROM unnest(ARRAY['<script>', '"}], {"', E'a\nb\\', E'\u202Egnp', '../../etc', '%s%n', 'x" onload="y', '$1 || $2']) AS h;
SELECT is(msgstatus.weblog_message(jsonb_build_object('id', h)) ->> 'content', h, 'details of ' || h)
FROM unnest(ARRAY['<script>', '"}], {"', E'a\nb\\', E'\u202Egnp', '../../etc', '%s%n', 'x" onload="y', '$1 || $2']) AS h;
SELECT is(ids(jsonb_build_object('type', h)), ARRAY[h], 'a filter by ' || h) FROM unnest(ARRAY['<script>', '"}], {"', E'a\nb\\', '%s%n', '$1 || $2']) AS h;
SELECT is(ids(jsonb_build_object('recipient', h)), '{}', 'a prefix ' || h) FROM unnest(ARRAY['%', '_', ''' OR true --', '\']) AS h;
SELECT is(ids(jsonb_build_object('text', h)), '{}', 'a text ' || h) FROM unnest(ARRAY['zz%', '_____________zz', ''' OR true --', repeat('x', 10000)]) AS h;
DELETE FROM msgstatus.message WHERE recipient = '+15550100009' OR message_id = 'wamid.R';
SELECT msgstatus.rebuild_rollups();

-- Roles. An analyst sees what message_log() shows, masked, and is refused the same searches.
CREATE ROLE t_analyst;
CREATE ROLE t_operator;
CREATE ROLE t_nobody;
SELECT msgstatus.grant_access('t_analyst', 'analyst'), msgstatus.grant_access('t_operator', 'operator');
GRANT USAGE ON SCHEMA public, msgstatus TO PUBLIC;
SET LOCAL ROLE t_operator;
SELECT is((SELECT array_agg(m ->> 'recipient' ORDER BY m ->> 'message_id') FROM jsonb_array_elements(msgstatus.weblog_messages() -> 'messages') AS m), '{+491511111111,+491522222222,NULL,+15550100001,+491701234567}', 'an operator sees numbers');
SELECT is(msgstatus.weblog_message('{"id": "wamid.A"}') ->> 'content', '<script>alert(1)</script>');
SELECT is(ids('{"recipient": "+491701234567", "text": "a-1"}'), '{wamid.A}');
RESET ROLE;
SET LOCAL ROLE t_analyst;
SELECT results_eq($$SELECT m ->> 'message_id', m ->> 'recipient', m ->> 'sender', m ->> 'state', m ->> 'error_title' FROM jsonb_array_elements(msgstatus.weblog_messages('{"limit": "100"}') -> 'messages') WITH ORDINALITY AS e (m, place) ORDER BY place$$,
    $$SELECT message_id::text, recipient::text, sender::text, state::text, error_title::text FROM msgstatus.message_log()$$, 'an analyst sees what message_log shows');
SELECT is(all_ids(p, 2), ids(p), 'page by page, too: ' || p::text) FROM unnest(ARRAY['{}', '{"sort": "state"}', '{"state": ["sent", "failed", "undelivered"]}', '{"state": ["sent", "failed", "undelivered"], "sort": "state"}']::jsonb[]) AS p;
SELECT is(msgstatus.weblog_messages('{"type": "template"}') -> 'messages' -> 0 ->> 'recipient', '+49********67');
SELECT is(msgstatus.weblog_messages('{"type": "template"}') -> 'messages' -> 0 -> 'message_id', msgstatus.weblog_messages('{"type": "template"}') -> 'messages' -> 0 -> 'link');
SELECT is(jsonb_array_length(msgstatus.weblog_messages('{"recipient": "+49170"}') -> 'messages'), 1, 'a short prefix is for everybody');
SELECT throws_ok(format('SELECT msgstatus.%s(%L)', f, p), '42501', NULL, f || ' ' || p)
FROM unnest('{weblog_messages,weblog_changes,weblog_csv_page,weblog_stats,weblog_volumes}'::text[]) AS f,
    unnest(ARRAY['{"recipient": "+491701", "since": "2024-01-01"}', '{"recipient": "00491701", "since": "2024-01-01"}', '{"text": "a-1", "since": "2024-01-01"}']::jsonb[] ) AS q,
    LATERAL (SELECT CASE f WHEN 'weblog_changes' THEN q ELSE q - 'since' END AS p) AS p;
SELECT is(msgstatus.weblog_message('{"id": "wamid.A"}'), NULL, 'an id cannot be tried');
SELECT msgstatus.weblog_message(jsonb_build_object('id', msgstatus.weblog_messages('{"type": "template"}') -> 'messages' -> 0 -> 'link')) AS details \gset
SELECT is(:'details'::jsonb -> h, 'null', h || ' is hidden') FROM jsonb_array_elements_text(:'details'::jsonb -> 'hidden') AS h;
SELECT is(:'details'::jsonb -> 'hidden' ? 'content' AND :'details'::jsonb -> 'hidden' ? 'metadata', true);
SELECT is(:'details' ~ '1701234567|wamid|A-1|script', false, 'nothing of it gives the number away');
SELECT is((SELECT array_agg(e ->> 'state' ORDER BY place) FROM jsonb_array_elements(:'details'::jsonb -> 'events') WITH ORDINALITY AS v (e, place)), '{sent,failed}');
SELECT is(jsonb_array_length(msgstatus.weblog_changes(jsonb_build_object('since', now(), 'ids', jsonb_build_array('wamid.A', :'details'::jsonb -> 'link'))) -> 'changed'), 1, 'changes of stand-ins alone');
SELECT throws_ok($$SELECT msgstatus.read_weblog_messages(true, '{}')$$, '42501', NULL, 'nor past the mask');
RESET ROLE;
SET LOCAL ROLE t_nobody;
SELECT throws_ok(format('SELECT msgstatus.%s(''{}'')', f), '42501', NULL, 'no level, no ' || f)
FROM unnest('{weblog_messages,weblog_changes,weblog_message,weblog_csv,weblog_csv_page,weblog_stats,weblog_volumes,weblog_alerts,weblog_campaigns,weblog_rejected,weblog_attached,weblog_health,weblog_session,weblog_replay}'::text[]) AS f;
RESET ROLE;

-- Row-level security.
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY nothing ON msgstatus.message USING (false);
SET LOCAL ROLE t_operator;
SELECT throws_ok('SELECT msgstatus.weblog_messages()', '42501', NULL, 'hidden rows are not shown');
RESET ROLE;

SELECT finish();
ROLLBACK;
