-- A message with two ids is one message: message_alias, register_message(alias => ...), add_message_alias(), and webhooks that name both.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

CREATE FUNCTION aliases() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat(a.alias, '>', a.message_id, CASE WHEN a.is_alias THEN '' ELSE '?' END), ' ' ORDER BY a.alias) FROM msgstatus.message_alias AS a
$$;
CREATE FUNCTION seen(id text, state text, minute integer, gs_id text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT counts(jsonb_build_object('messaging_product', 'whatsapp', 'metadata', '{"display_phone_number": "4930123456"}'::jsonb, 'statuses',
        jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('id', id, 'gs_id', gs_id, 'status', state, 'timestamp', 1733832000 + 60 * minute,
            'recipient_id', '491701234567')))))
$$;
CREATE FUNCTION known() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat(m.message_id, '=', m.status), ' ' ORDER BY m.message_id) FROM msgstatus.message AS m
$$;
CREATE FUNCTION start_anew() RETURNS void LANGUAGE sql AS $$
    TRUNCATE msgstatus.message, msgstatus.status_event, msgstatus.message_alias, msgstatus.message_rollup, msgstatus.folded_hour, msgstatus.failure_rollup
$$;
CREATE VIEW wrong AS SELECT * FROM msgstatus.verify_rollups();

-- Registered under one id, seen under the other, which a status links to the first.
SELECT msgstatus.register_message('gs-1', recipient => '+491701234567', content => 'Hello', metadata => '{"order": 1}');
SELECT is(seen('wamid.1', 'sent', 0), '1 1 0 0 0', 'a status under another id');
SELECT is(known(), 'gs-1={} wamid.1={"sent": "2024-12-10T12:00:00Z"}', 'two messages, as far as anybody can know');
SELECT is(seen('wamid.1', 'delivered', 1, 'gs-1'), '1 1 0 0 0', 'one that names both');
SELECT is(aliases(), 'gs-1>wamid.1', 'is learnt');
SELECT is(message('wamid.1'), '{"provider": "meta", "direction": "outbound", "sender": "+4930123456", "recipient": "+491701234567", "content": "Hello",
    "metadata": {"order": 1}, "status": "{\"sent\": \"2024-12-10T12:00:00Z\", \"delivered\": \"2024-12-10T12:01:00Z\"}", "registered": 40}', 'and makes one of both');
SELECT is((SELECT count(*)::integer FROM msgstatus.message), 1, 'no row is left under the alias');
SELECT is(seen('gs-1', 'read', 2), '1 1 0 0 0', 'a status under the alias');
SELECT is(status('wamid.1'), '{"sent": "2024-12-10T12:00:00Z", "delivered": "2024-12-10T12:01:00Z", "read": "2024-12-10T12:02:00Z"}', 'is the message''s');
SELECT is(seen('wamid.1', 'read', 2), '1 0 1 0 0', 'and is known under the other id');
SELECT is(seen('wamid.1', 'delivered', 1, 'gs-1'), '1 0 1 0 0', 'a redelivery stays one');
SELECT is((SELECT count(*)::integer FROM msgstatus.status_event WHERE message_id = 'wamid.1'), 3, 'three events');
SELECT msgstatus.register_message('gs-1', created_by => 'shop');
SELECT is(message('wamid.1') ->> 'created_by', 'shop', 'register_message takes either id');
SELECT results_eq($$SELECT state::text FROM msgstatus.message_history('gs-1')$$, ARRAY['sent', 'delivered', 'read'], 'message_history, too');
SELECT results_eq($$SELECT * FROM msgstatus.message_history('gs-1')$$, $$SELECT * FROM msgstatus.message_history('wamid.1')$$);
SELECT is_empty('SELECT * FROM wrong', 'the rollups count one message');
SELECT is((SELECT sum(messages)::integer FROM msgstatus.message_rollup), 1);

-- Both seen, then linked: repetitions fall together, the rest stays.
SELECT start_anew();
SELECT seen('a', 'sent', 0), seen('a', 'failed', 3), seen('b', 'sent', 0), seen('b', 'read', 2);
SELECT is((SELECT sum(messages)::integer FROM msgstatus.message_rollup), 2);
SELECT lives_ok($$SELECT msgstatus.add_message_alias('b', 'a')$$);
SELECT is(known(), 'a={"sent": "2024-12-10T12:00:00Z", "failed": "2024-12-10T12:03:00Z", "read": "2024-12-10T12:02:00Z"}');
SELECT results_eq($$SELECT state::text FROM msgstatus.status_event WHERE message_id = 'a' ORDER BY event_time$$, ARRAY['sent', 'read', 'failed']);
SELECT is_empty($$SELECT * FROM msgstatus.status_event WHERE message_id = 'b'$$);
SELECT is((SELECT sum(messages)::integer FROM msgstatus.message_rollup), 1, 'counted once');
SELECT is_empty('SELECT * FROM wrong');
SELECT is(seen('b', 'read', 2), '1 0 1 0 0', 'its known events are those of both');
SELECT lives_ok($$SELECT msgstatus.add_message_alias('b', 'a')$$, 'again');
SELECT is(aliases(), 'b>a');

-- Under which id: the one that no pair calls the alias; of several the smallest; where all are called one, the smallest of all.
SELECT start_anew();
SELECT msgstatus.add_message_alias('a', 'b'), msgstatus.add_message_alias('b', 'c');
SELECT is(aliases(), 'a>c b>c', 'a chain');
SELECT start_anew();
SELECT msgstatus.add_message_alias('b', 'c'), msgstatus.add_message_alias('a', 'b');
SELECT is(aliases(), 'a>c b>c', 'told backwards');
SELECT seen('a', 'sent', 0);
SELECT is(known(), 'c={"sent": "2024-12-10T12:00:00Z"}');
SELECT msgstatus.add_message_alias('c', 'a');
SELECT is(aliases(), 'a>a b>a c>a', 'a circle');
SELECT is(known(), 'a={"sent": "2024-12-10T12:00:00Z"}', 'the message moves');
SELECT is_empty('SELECT * FROM wrong');
SELECT start_anew();
SELECT msgstatus.add_message_alias('x', 'b'), msgstatus.add_message_alias('x', 'a');
SELECT is(aliases(), 'b>a? x>a', 'an alias of two');
SELECT msgstatus.add_message_alias('a', 'd');
SELECT is(aliases(), 'a>b d>b? x>b', 'an id that is called an alias later gives way');

-- register_message(alias => ...), before and after statuses.
SELECT start_anew();
SELECT msgstatus.register_message('gs-1', content => 'Hello', alias => 'wamid.1');
SELECT seen('wamid.1', 'sent', 0);
SELECT seen('wamid.2', 'sent', 0);
SELECT msgstatus.register_message('gs-2', content => 'Hello', alias => 'wamid.2');
SELECT is(message('gs-1'), message('gs-2'), 'in either order');
SELECT is(aliases(), 'wamid.1>gs-1 wamid.2>gs-2');
SELECT lives_ok($$SELECT msgstatus.register_message('gs-2', alias => 'gs-2')$$, 'an id is not its own alias');
SELECT is(aliases(), 'wamid.1>gs-1 wamid.2>gs-2');
SELECT throws_ok($$SELECT msgstatus.register_message('gs-2', alias => repeat('x', 513))$$, '22023', 'a message id has between 1 and 512 bytes');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('', 'x')$$, '22023');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('x', NULL)$$, '22023');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('x', 'x')$$, '22023', 'an alias differs from the message id');
SELECT is(seen('wamid.3', 'sent', 0, repeat('x', 513)), '1 1 0 0 0', 'a webhook''s alias that is too long is left out');
SELECT is(seen('wamid.3', 'read', 1, 'wamid.3'), '1 1 0 0 0');
SELECT is(aliases(), 'wamid.1>gs-1 wamid.2>gs-2');

-- What was registered holds, whichever id it was registered under.
SELECT start_anew();
SELECT seen('b', 'sent', 0);
SELECT msgstatus.register_message('a', recipient => '+490 170 1234567');
SELECT msgstatus.add_message_alias('a', 'b');
SELECT is(message('b') ->> 'recipient', '+4901701234567', 'registered under the alias');
SELECT seen('b', 'read', 1);
SELECT is(message('b') ->> 'recipient', '+4901701234567');
SELECT is(message('b') ->> 'sender', '+4930123456');

-- Rows of attached tables, which hold either id.
SELECT start_anew();
CREATE TABLE logs (sid text PRIMARY KEY, status text, error_code integer, retry_count integer NOT NULL DEFAULT 0);
INSERT INTO logs (sid) VALUES ('a'), ('b'), ('c');
SELECT msgstatus.attach_table('logs', 'sid');
CREATE FUNCTION logged() RETURNS text LANGUAGE sql AS $$SELECT string_agg(concat_ws('=', sid, status, retry_count), ' ' ORDER BY sid) FROM logs$$;
SELECT seen('a', 'sent', 0);
SELECT is(logged(), 'a=sent=0 b=0 c=0');
SELECT seen('b', 'delivered', 1);
SELECT msgstatus.add_message_alias('a', 'b');
SELECT is(logged(), 'a=delivered=0 b=delivered=0 c=0', 'when it is learnt');
SELECT seen('a', 'read', 2, 'c');
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0', 'in each call');
INSERT INTO logs (sid) VALUES ('d');
SELECT msgstatus.add_message_alias('d', 'a');
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0 d=read=0');
SELECT msgstatus.add_message_alias('e', 'a');
INSERT INTO logs (sid) VALUES ('e');
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0 d=read=0 e=read=0', 'of rows that come later');
UPDATE logs SET status = NULL;
SELECT is(msgstatus.resync_table('logs'), 0::bigint);
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0 d=read=0 e=read=0', 'in a resync');
SELECT msgstatus.detach_table('logs');
UPDATE logs SET status = NULL;
SELECT msgstatus.attach_table('logs', 'sid');
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0 d=read=0 e=read=0', 'in attach_table');
UPDATE logs SET sid = 'wamid.f', status = NULL WHERE sid = 'e';
SELECT seen('wamid.f', 'failed', 3), seen('wamid.g', 'failed', 3);
UPDATE logs SET sid = 'wamid.g', status = NULL WHERE sid = 'd';
SELECT msgstatus.add_message_alias('wamid.g', 'wamid.f');
SELECT is(logged(), 'a=read=0 b=read=0 c=read=0 wamid.f=failed=1 wamid.g=failed=1', 'a failure is counted once');
SELECT is_empty('SELECT * FROM msgstatus.attached_table_failure');

-- Recipients of campaigns follow their messages.
SELECT start_anew();
CREATE TEMP TABLE campaign AS SELECT msgstatus.create_campaign('winter', 'hello', 'en') AS id;
SELECT msgstatus.add_recipients(id, ARRAY['+491701234567', '+15550000002']) FROM campaign;
SELECT msgstatus.activate_campaign(id) FROM campaign;
CREATE TEMP TABLE claimed AS SELECT c.* FROM campaign, msgstatus.claim_recipients(10, id) AS c;
SELECT msgstatus.record_send((SELECT recipient_id FROM claimed WHERE phone_number = '+491701234567'), 'gs-1');
SELECT is(seen('wamid.1', 'delivered', 0, 'gs-1'), '1 1 0 0 0');
SELECT is((SELECT message_id FROM msgstatus.campaign_recipient WHERE phone_number = '+491701234567'), 'wamid.1', 'a recipient follows');
SELECT is((SELECT s.state::text FROM msgstatus.campaign_recipient_status AS s JOIN claimed AS c USING (recipient_id) WHERE c.phone_number = '+491701234567'), 'delivered');
SELECT lives_ok($$SELECT msgstatus.record_send((SELECT recipient_id FROM claimed WHERE phone_number = '+491701234567'), 'gs-1')$$, 'reported again');
SELECT throws_ok($$SELECT msgstatus.record_send((SELECT recipient_id FROM claimed WHERE phone_number = '+15550000002'), 'gs-1')$$, '23505');
SELECT seen('wamid.2', 'delivered', 0, 'gs-2');
SELECT msgstatus.record_send((SELECT recipient_id FROM claimed WHERE phone_number = '+15550000002'), 'gs-2');
SELECT is((SELECT message_id FROM msgstatus.campaign_recipient WHERE phone_number = '+15550000002'), 'wamid.2', 'a late report finds the message');
SELECT is_empty('SELECT * FROM wrong');
-- Two sends of one message, as it turns out, stay two; each can be reported again.
SELECT start_anew();
SELECT msgstatus.add_recipients(id, ARRAY['+15550000003', '+15550000004']) FROM campaign;
INSERT INTO claimed SELECT c.* FROM campaign, msgstatus.claim_recipients(10, id) AS c;
CREATE FUNCTION sent(n integer, id text) RETURNS void LANGUAGE sql AS $$
    SELECT msgstatus.record_send((SELECT recipient_id FROM claimed WHERE phone_number = '+1555000000' || n), id)
$$;
SELECT sent(3, 'r1'), sent(4, 'r2');
UPDATE msgstatus.message SET recipient = NULL WHERE message_id = 'r2';
SELECT lives_ok($$SELECT msgstatus.add_message_alias('r1', 'r2')$$);
SELECT is((SELECT string_agg(message_id, ' ' ORDER BY phone_number) FROM msgstatus.campaign_recipient WHERE message_id LIKE 'r%'), 'r1 r2');
SELECT lives_ok($$SELECT sent(3, 'r1')$$, 'the first again');
SELECT lives_ok($$SELECT sent(4, 'r2')$$, 'the second again');
SELECT throws_ok($$SELECT sent(4, 'r1')$$, '23505');
SELECT is((SELECT count(*)::integer FROM msgstatus.campaign_attempt), 0);

-- AiSensy names its own id beside the wamid.
SELECT start_anew();
SELECT is(counts('{"id": "w", "topic": "message.status.updated", "data": {"message": {"id": "m1", "messageId": "wamid.p1",
    "phone_number": "919876543210", "status": "READ", "read_at": "2024-12-10T11:59:59.001Z"}}}'), '1 1 0 0 0');
SELECT is(aliases(), 'm1>wamid.p1');

-- Dead letters teach nothing until they are replayed.
SELECT start_anew();
SELECT is(seen('wamid.1', 'odd', 0, 'gs-1'), '1 0 0 1 0');
SELECT is(aliases(), NULL);

-- Purged with their messages.
SELECT start_anew();
SELECT seen('wamid.1', 'sent', 0, 'gs-1'), msgstatus.add_message_alias('gs-2', 'wamid.2');
UPDATE msgstatus.message_alias SET learnt_at = '2024-12-10' WHERE alias = 'gs-2';
SELECT is(msgstatus.purge_messages(now() - interval '1 day'), 1::bigint);
SELECT is(aliases(), NULL);

-- What a webhook says of two ids never costs its status. Where the tables refuse to make one message, the pair is left out and seen.
SELECT start_anew();
TRUNCATE msgstatus.rejected_status;
SET LOCAL client_min_messages = error;
CREATE FUNCTION letters() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat(r.payload ->> 'gs_id', '=', r.payload ->> 'id', ': ', r.reason), ', ' ORDER BY r.rejected_id) FROM msgstatus.rejected_status AS r
$$;
CREATE TABLE orders (message_id text CONSTRAINT orders_message REFERENCES msgstatus.message (message_id));
SELECT msgstatus.register_message('ai-1', recipient => '+919876543210');
INSERT INTO orders VALUES ('ai-1');
SELECT is(counts('{"id": "w", "topic": "message.status.updated", "data": {"message": {"id": "ai-1", "messageId": "wamid.p1",
    "phone_number": "919876543210", "status": "READ", "read_at": "2024-12-10T11:59:59.001Z"}}}'), '1 1 0 0 0', 'a foreign key refuses');
SELECT is(known(), 'ai-1={} wamid.p1={"read": "2024-12-10T11:59:59.001Z"}', 'the status is kept');
SELECT is(aliases(), NULL);
SELECT is((SELECT string_agg(concat_ws(' ', reason, payload #>> '{data,message,id}'), ', ') FROM msgstatus.rejected_status),
    'the tables refuse to make one message of its two ids; the status is kept ai-1', 'and seen');
SELECT is_empty('SELECT * FROM wrong');
SELECT is(msgstatus.replay_rejected(), '{"replayed": 1, "applied": 0, "unchanged": 0, "rejected": 1}'::jsonb, 'a replay in vain');
SELECT is((SELECT count(*)::integer FROM msgstatus.rejected_status), 1, 'keeps it');
ALTER TABLE orders DROP CONSTRAINT orders_message;
SELECT is(msgstatus.replay_rejected(), '{"replayed": 1, "applied": 0, "unchanged": 1, "rejected": 0}'::jsonb, 'after the cause is mended');
SELECT is(known(), 'wamid.p1={"read": "2024-12-10T11:59:59.001Z"}', 'it is one message');
SELECT is(message('wamid.p1') ->> 'recipient', '+919876543210');
SELECT is_empty('SELECT * FROM wrong');

-- Of several pairs in one call, the others are learnt; a constraint that waits for the commit counts at once; a trigger, too.
SELECT start_anew();
TRUNCATE orders, msgstatus.rejected_status;
ALTER TABLE orders ADD CONSTRAINT orders_message FOREIGN KEY (message_id) REFERENCES msgstatus.message (message_id) DEFERRABLE INITIALLY DEFERRED;
SELECT msgstatus.register_message('g' || n) FROM generate_series(1, 3) AS n;
INSERT INTO orders VALUES ('g2');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION seen_together(n integer) RETURNS text LANGUAGE sql AS $$
    SELECT counts(jsonb_build_object('messaging_product', 'whatsapp', 'statuses', jsonb_agg(jsonb_build_object(
        'id', 'w' || i, 'gs_id', 'g' || i, 'status', 'sent', 'timestamp', 1733832000, 'recipient_id', '491701234567')))) FROM generate_series(1, n) AS i
$$;
SELECT is(seen_together(3), '3 3 0 0 0');
SELECT is(aliases(), 'g1>w1 g3>w3', 'a deferred foreign key refuses one of three');
SELECT is(letters(), 'g2=w2: the tables refuse to make one message of its two ids; the status is kept');
SELECT is(seen_together(3), '3 0 3 0 0', 'a redelivery');
SELECT is((SELECT count(*)::integer FROM msgstatus.rejected_status), 1, 'is not told of again');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT is_empty('SELECT * FROM wrong');
DROP TABLE orders;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    RAISE 'not this one' USING ERRCODE = 'ABC12';
END
$$;
CREATE TRIGGER keep BEFORE UPDATE ON msgstatus.message FOR EACH ROW WHEN (old.message_id <> new.message_id) EXECUTE FUNCTION keep();
SELECT is(seen('w4', 'sent', 0), '1 1 0 0 0');
SELECT msgstatus.register_message('g5');
SELECT is(seen('w5', 'sent', 0, 'g5'), '1 1 0 0 0', 'a trigger raises');
SELECT is(known(), 'g2={} g5={} w1={"sent": "2024-12-10T12:00:00Z"} w2={"sent": "2024-12-10T12:00:00Z"} w3={"sent": "2024-12-10T12:00:00Z"} w4={"sent": "2024-12-10T12:00:00Z"} w5={"sent": "2024-12-10T12:00:00Z"}');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('g5', 'w6')$$, 'ABC12', 'not this one', 'who says so explicitly is told');
DROP TRIGGER keep ON msgstatus.message;
-- A trigger that keeps the row of the other id would leave its status behind.
CREATE TRIGGER keep BEFORE DELETE ON msgstatus.message FOR EACH ROW WHEN (old.message_id = 'g5') EXECUTE FUNCTION keep();
SELECT is(seen('g5', 'failed', 1), '1 1 0 0 0');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('g5', 'w5')$$, '27000', 'a trigger keeps message "g5" from becoming part of "w5"');
SELECT is(seen('w5', 'read', 2, 'g5'), '1 1 0 0 0');
SELECT is(status('g5'), '{"failed": "2024-12-10T12:01:00Z"}');
SELECT is((SELECT count(*)::integer FROM msgstatus.status_event WHERE message_id = 'g5'), 1, 'its events stay with it');
DROP TRIGGER keep ON msgstatus.message;
-- What may pass is not taken for an answer.
CREATE FUNCTION raise_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'later' USING ERRCODE = TG_ARGV[0];
END
$$;
CREATE FUNCTION raised(code text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER raise_later BEFORE UPDATE ON msgstatus.message FOR EACH ROW WHEN (old.message_id <> new.message_id) EXECUTE FUNCTION raise_later(%L)', code);
    PERFORM seen('w7', 'sent', 0, 'g2');
    RETURN NULL;
EXCEPTION WHEN query_canceled OR OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(raised(code), code, 'raised: ' || code) FROM unnest('{40001,40P01,57014,53200,55P03,XX000}'::text[]) AS code;
SELECT is(raised('23514'), NULL, 'the tables'' own');
DROP TRIGGER raise_later ON msgstatus.message;

-- A second id that repeats does not make one message of those of two people.
SELECT start_anew();
TRUNCATE msgstatus.rejected_status;
CREATE FUNCTION sent_to(id text, recipient text, state text DEFAULT 'sent', gs_id text DEFAULT '0') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('messaging_product', 'whatsapp', 'statuses', jsonb_build_array(jsonb_build_object(
        'id', id, 'gs_id', gs_id, 'status', state, 'timestamp', 1733832000, 'recipient_id', recipient)))
$$;
SELECT is(counts(sent_to('wamid.A', '15550100001')), '1 1 0 0 0');
SELECT is(counts(sent_to('wamid.B', '15550100002', 'read')), '1 1 0 0 0');
SELECT is(known(), 'wamid.A={"sent": "2024-12-10T12:00:00Z"} wamid.B={"read": "2024-12-10T12:00:00Z"}', 'two people, two messages');
SELECT is(aliases(), '0>wamid.A');
SELECT is(letters(), '0=wamid.B: the message with its other id has another recipient; the status is kept');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('0', 'wamid.B')$$, '23514', 'messages with different recipients cannot become one');
SELECT throws_ok($$SELECT msgstatus.register_message('new', recipient => '+1 555 010 0003', alias => '0')$$, '23514', 'messages with different recipients cannot become one');
SELECT lives_ok($$SELECT msgstatus.register_message('new', recipient => '+1 555 010 0001', alias => '0')$$, 'the same recipient');
SELECT start_anew();
SELECT is(counts(jsonb_build_array(sent_to('wamid.A', '15550100001'), sent_to('wamid.B', '15550100002'), sent_to('wamid.B', '15550100002', 'read'))), '3 3 0 0 0', 'in one call');
SELECT is(known(), 'wamid.A={"sent": "2024-12-10T12:00:00Z"} wamid.B={"sent": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:00Z"}');
SELECT start_anew();
SELECT counts(format('{"id": "w", "topic": "message.status.updated", "data": {"message": {"id": "test", "messageId": "wamid.%1$s",
    "phone_number": "9198765432%1$s", "status": "READ", "read_at": "2024-12-10T11:59:59.001Z"}}}', n)::jsonb) FROM generate_series(11, 13) AS n;
SELECT is((SELECT count(*)::integer FROM msgstatus.message), 3, 'three of AiSensy with one id');
SELECT is(aliases(), 'test>wamid.11');
SELECT is_empty('SELECT * FROM wrong');
-- One person under two spellings, and a number beside an id that is none.
SELECT start_anew();
SELECT msgstatus.register_message('gs-1', recipient => '+5511912345678'), msgstatus.register_message('gs-2', recipient => '+5511912345678');
SELECT counts(sent_to('wamid.1', '551112345678', 'sent', 'gs-1')), counts(sent_to('wamid.2', 'US.13491208655302741918', 'sent', 'gs-2'));
SELECT is(aliases(), 'gs-1>wamid.1 gs-2>wamid.2');
-- A message has at most 16 ids.
SELECT start_anew();
TRUNCATE msgstatus.rejected_status;
SELECT counts(sent_to('wamid.' || chr(64 + n), '15550100001', 'sent', '0')) FROM generate_series(1, 17) AS n;
SELECT is((SELECT count(*)::integer FROM msgstatus.message_alias), 15);
SELECT is((SELECT string_agg(m.message_id, ' ' ORDER BY m.message_id) FROM msgstatus.message AS m), 'wamid.A wamid.P wamid.Q');
SELECT is(letters(), '0=wamid.P: the message would have more than 16 ids; the status is kept, 0=wamid.Q: the message would have more than 16 ids; the status is kept');
SELECT throws_ok($$SELECT msgstatus.add_message_alias('0', 'wamid.P')$$, '23514', 'a message has at most 16 ids');

-- The way back.
SELECT start_anew();
TRUNCATE msgstatus.rejected_status;
SELECT counts(sent_to('wamid.A', '15550100001')), counts(sent_to('wamid.B', '15550100001', 'read'));
SELECT is(aliases(), '0>wamid.A wamid.B>wamid.A?');
SELECT is(msgstatus.forget_message_alias('wamid.B'), true);
SELECT is(msgstatus.forget_message_alias('wamid.B'), false, 'again');
SELECT is(msgstatus.forget_message_alias('wamid.A'), false, 'the id under which a message is kept');
SELECT is(msgstatus.forget_message_alias('wamid.C'), false);
SELECT throws_ok($$SELECT msgstatus.forget_message_alias(NULL)$$, '22023');
SELECT is(counts(sent_to('wamid.B', '15550100001', 'delivered')), '1 1 0 0 0');
SELECT is(known(), 'wamid.A={"sent": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:00Z"} wamid.B={"delivered": "2024-12-10T12:00:00Z"}',
    'it has a message for itself, and what came before stays');
SELECT is(letters(), NULL, 'what somebody decided is no news');
SELECT is(msgstatus.forget_message_alias('0'), true);
SELECT counts(sent_to('wamid.A', '15550100001', 'delivered'));
SELECT is((SELECT string_agg(concat(a.alias, '>', a.message_id), ' ' ORDER BY a.alias) FROM msgstatus.message_alias AS a WHERE NOT a.is_alias), '0>0 wamid.B>wamid.B');
SELECT lives_ok($$SELECT msgstatus.add_message_alias('wamid.B', 'wamid.A')$$, 'until somebody says otherwise');
SELECT is(known(), 'wamid.A={"sent": "2024-12-10T12:00:00Z", "delivered": "2024-12-10T12:00:00Z", "read": "2024-12-10T12:00:00Z"}');
SELECT is_empty('SELECT * FROM wrong');
UPDATE msgstatus.message_alias SET learnt_at = '2024-12-10';
SELECT msgstatus.purge_messages(now() - interval '1 day');
SELECT is((SELECT count(*)::integer FROM msgstatus.message_alias WHERE alias = '0'), 1, 'not forgotten by a purge');

SELECT * FROM finish();
ROLLBACK;
