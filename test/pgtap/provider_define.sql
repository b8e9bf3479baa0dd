-- define_provider, drop_provider, providers: what a description may say, and what it changes.
BEGIN;
\ir include/helpers.psql
\ir include/providers.psql
SELECT no_plan();

-- A provider described with everything that a description can say.
SELECT lives_ok($define$SELECT msgstatus.define_provider('acme', $${
    "title": "Acme Messaging",
    "shapes": [
        {"name": "reports", "when": {"vendor": "acme", "kind": ["dlr", 7], "data.batch.0.ref": true, "error": false, "v": {"begins": "2."}},
            "list": ["data.batch.*.parts", "data.more"],
            "id": [{"join": ["^.ref", "n"], "with": "/"}, {"path": "urn", "after": ":"}],
            "ignore": [{"skip": true}, {"test": "true"}],
            "state": [{"path": "sub", "words": {"handset": "delivered"}}, {"path": ["st", "old.st"], "words": {"OK": "sent", "NOPE": "failed", "hm": null}, "others": "ignore"}],
            "time": [{"path": "at.local", "format": "iso8601", "offset": "+05:30"}, {"path": "at.ms", "format": "unix_ms"}, {"path": "at.odd", "format": "yymmddhhmm"}, "$.when"],
            "times": {"queued": {"path": "q", "for": ["sent", "failed"]}},
            "alias": ["none", "other id"], "recipient": "to", "sender": "$.from", "participant": "member", "message_type": {"is": "sms"}, "price": "cost", "price_unit": {"is": "INR"}, "num_segments": "n_parts",
            "pricing_category": "cat", "billable": "paid", "error_code": ["err.code", {"path": "err.url", "after": "#"}], "error_title": "err.title", "error_details": "err.more",
            "error_states": ["failed", "undelivered"], "detail": {"path": ".", "without": ["secret"]}},
        {"name": "incoming", "when": {"vendor": "acme", "kind": "mo"}, "at": "msg", "id": "id", "state": {"is": "received"}, "time": "t", "sender": "from", "content": "a\\.b", "media_url": "media.0",
            "detail": false},
        {"name": "others", "when": {"vendor": "acme"}, "ignore": true}
    ]}$$)$define$, 'a description with every member');
SELECT is((SELECT to_jsonb(p) - '{description,defined_at}'::text[] FROM msgstatus.providers AS p WHERE name = 'acme'), '{"name": "acme", "title": "Acme Messaging", "is_built_in": false}');
SELECT is(counts('{"vendor": "acme", "kind": "dlr", "v": "2.1", "from": "SHOP", "when": 1733828400, "data": {"batch": [
    {"ref": "A", "parts": [
        {"n": 1, "st": "ok", "to": "15550100001", "at": {"local": "2024-12-10 16:30:00"}, "cost": "1.50", "n_parts": "2", "cat": "utility", "paid": true, "secret": "s", "note": "kept", "q": 1733828390},
        {"n": 2, "st": "NOPE", "at": {"ms": 1733828401500}, "err": {"url": "https://acme.example/e#77", "title": "No", "more": "d"}, "member": "15550100009", "q": 1733828390},
        {"n": 3, "st": "ok", "sub": "handset", "at": {"odd": "2412101101"}}, {"n": 4, "st": "hm"}, {"n": 5, "st": "unheard of"}, {"n": 6, "st": "ok", "skip": 1}, {"n": 7, "st": "ok", "test": true}]},
    {"ref": "B", "parts": [{"urn": "urn:acme:x9", "old": {"st": "OK"}}]}, {"ref": "C"}], "more": [{"urn": "urn:acme:x10", "st": "ok", "other id": "y10"}, {"st": "ok"}]}}'),
    '6 5 0 1 5', 'two lists, one in a list');
SELECT is(message('A/1'), '{"provider": "acme", "direction": "outbound", "recipient": "+15550100001", "sender": "SHOP", "message_type": "sms", "price": 1.5, "price_unit": "INR", "num_segments": 2,
    "pricing_category": "utility", "billable": true, "status": "{\"queued\": \"2024-12-10T10:59:50Z\", \"sent\": \"2024-12-10T11:00:00Z\"}"}', 'a local time with an offset');
SELECT is(events('A/1') -> 1 -> 'detail', '{"at": {"local": "2024-12-10 16:30:00"}, "note": "kept"}', 'what was read, and what is left out, is not kept');
SELECT is(message('A/2') - '{provider,direction,sender,message_type}'::text[], '{"error_code": 77, "error_title": "No", "error_details": "d", "error_at": "2024-12-10T11:00:01.5+00:00",
    "status": "{\"queued\": \"2024-12-10T10:59:50Z\", \"failed\": \"2024-12-10T11:00:01.5Z\"}"}');
SELECT is(events('A/2') -> 1 ->> 'participant', '+15550100009');
SELECT is(status('A/3'), '{"delivered": "2024-12-10T11:01:00Z"}', 'the first rule that knows the word');
SELECT is(status('x9'), '{"sent": "2024-12-10T11:00:00Z"}', 'the time of the body');
SELECT is((SELECT message_id FROM msgstatus.message_alias WHERE alias = 'y10'), 'x10', 'an alias');
SELECT is(events('x10') -> 0 -> 'detail', '{"other id": "y10"}', 'which stays in the detail');
SELECT is(status('x10'), '{"sent": "2024-12-10T11:00:00Z"}');
SELECT is(rejected() -> 0 ->> 'reason', 'the message id is missing, empty or not a string');
SELECT is(rejected() -> 0 -> 'payload' -> 'data' -> 'more', '[{"st": "ok"}]');
SELECT is(counts('{"vendor": "acme", "kind": "mo", "msg": {"id": "in1", "t": "1733828400", "from": "15550100001", "a.b": "hi", "media": ["https://a.example/1"]}}'), '1 1 0 0 0', 'an incoming message');
SELECT is(message('in1'), '{"provider": "acme", "direction": "inbound", "sender": "+15550100001", "content": "hi", "media_url": "https://a.example/1", "status": "{\"received\": \"2024-12-10T11:00:00Z\"}"}');
SELECT is(counts('{"vendor": "acme", "kind": "balance"}'), '0 0 0 0 1', 'others');
SELECT is(counts('{"vendor": "acme", "kind": 7, "v": "2.", "data": {"batch": [{"ref": "D"}]}}'), '0 0 0 0 1', 'a number as a condition; no list in the element');

-- Errors name the member.
CREATE FUNCTION refused(description jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    PERFORM msgstatus.define_provider('bad', description);
    RETURN 'defined';
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLERRM;
END
$$;
CREATE FUNCTION shape(members jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('shapes', jsonb_build_array('{"when": {"a": true}, "id": "i", "state": {"path": "s"}}'::jsonb || members))
$$;
SELECT is(refused(shape('{}')), 'defined', 'the shortest description');
SELECT is(counts('{"a": 1, "i": "short", "s": "Delivered"}'), '1 1 0 0 0', 'whose words are the names of states');
SELECT is(counts('{"a": 1, "i": "short", "s": "enqueued"}'), '1 0 0 1 0', 'but no synonyms');
SELECT is(refused(d::jsonb), e, d) FROM (VALUES
    ('5', '"description" is not an object'), ('[]', '"description" is not an object'), ('{}', '"shapes" is not an array'),
    ('{"shapes": []}', '"shapes" has no element, or more than 64'), ('{"shapes": [5]}', '"shapes[0]" is not an object'), ('{"shape": []}', '"shape" is no member of a description')) AS t (d, e);
SELECT is(refused(shape(d::jsonb)), e, d) FROM (VALUES
    ('{"colour": 1}', '"shapes[0].colour" is no member of a description'),
    ('{"when": {}}', '"shapes[0].when" has no condition'), ('{"when": true}', '"shapes[0].when" is not an object of paths and conditions'),
    ('{"when": {"a": false}}', '"shapes[0].when" names no member that must be there'), ('{"when": {"a": null}}', '"shapes[0].when.a" is no condition'),
    ('{"when": {"a": {"ends": "x"}}}', '"shapes[0].when.a.ends" is no member of a description'), ('{"when": {"a": []}}', '"shapes[0].when.a" is an empty array'),
    ('{"when": {"a..b": true}}', '"shapes[0].when.a..b" is a path with an empty step'),
    ('{"id": null}', '"shapes[0].id" is not a path'), ('{"id": 5}', '"shapes[0].id" is not a path'), ('{"id": []}', '"shapes[0].id" is an empty array'),
    ('{"id": {"paths": "a"}}', '"shapes[0].id.paths" is no member of a description'), ('{"id": {"path": "a", "is": "b"}}', '"shapes[0].id" has not exactly one of "path", "is" and "join"'),
    ('{"id": {"join": "a", "with": 5}}', '"shapes[0].id.with" is not a text, or empty'),
    ('{"state": null}', '"shapes[0].state" is not an object with "path" and "words", or with "is"'), ('{"state": {"words": {}}}', '"shapes[0].state.path" is missing'),
    ('{"state": {"is": "gone"}}', '"shapes[0].state.is" is no state'), ('{"state": {"is": "sent", "path": "a"}}', '"shapes[0].state" has "is" and also another member'),
    ('{"state": {"path": "s", "words": {"x": "fail"}}}', '"shapes[0].state.words.x" is no state'), ('{"state": {"path": "s", "words": {"x": "sent", "X": "read"}}}', '"shapes[0].state.words.x" is there twice; case does not count'),
    ('{"state": {"path": "s", "others": "sent"}}', '"shapes[0].state.others" is not "ignore"'), ('{"state": [{"path": "s", "words": []}]}', '"shapes[0].state[0].words" is not an object of words and states'),
    ('{"time": {"path": "t", "format": "unix"}}', '"shapes[0].time.format" is no format of a time'), ('{"time": [{"path": "t", "offset": "0530"}]}', '"shapes[0].time[0].offset" is no offset such as "+05:30"'),
    ('{"time": {"path": "t", "offset": "+16:00"}}', '"shapes[0].time.offset" is no offset such as "+05:30"'), ('{"time": {"path": "t", "for": ["done"]}}', '"shapes[0].time.for[0]" is no state'),
    ('{"times": {"done": "t"}}', '"shapes[0].times.done" is no state'), ('{"times": []}', '"shapes[0].times" is not an object of states and paths'),
    ('{"at": "a", "list": "b"}', '"shapes[0].at" is there beside "list"'), ('{"list": "a.*.b.*.c.*.d"}', '"shapes[0].list" has more than two "*"'), ('{"list": "^.a"}', '"shapes[0].list" begins with "^", and a body has nothing around it'),
    ('{"ignore": false}', '"shapes[0].ignore" is not true, conditions, or an array of conditions'), ('{"ignore": [{}]}', '"shapes[0].ignore[0]" has no condition'),
    ('{"alias": 5}', '"shapes[0].alias" is not a path'), ('{"recipient": ""}', '"shapes[0].recipient" is not a path'), ('{"error_states": "broken"}', '"shapes[0].error_states" is no state'), ('{"detail": {"without": [5]}}', '"shapes[0].detail.without[0]" is not a text, or empty'),
    ('{"list": ["p", "q", "p"]}', '"shapes[0].list[2]" is a list that another one holds, or the same one'), ('{"list": ["p.*.q", "p"]}', '"shapes[0].list[1]" is a list that another one holds, or the same one'),
    ('{"list": ["p.0", "p.*.q"]}', '"shapes[0].list[1]" is a list that another one holds, or the same one'), ('{"list": ["p.*.q", "p.*.r", "p2", "t.0", "t.1"]}', 'defined'),
    ('{"id": "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q"}', '"shapes[0].id" is a path of more than 16 steps')) AS t (d, e);
SELECT is(refused(shape(jsonb_build_object('list', (SELECT jsonb_agg('p' || n) FROM generate_series(1, 65) AS n)))), '"shapes[0].list[64]" is one list more than 64');
CREATE FUNCTION words(count integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT shape(jsonb_build_object('state', jsonb_build_object('path', 's', 'words', (SELECT jsonb_object_agg('word' || n, 'sent') FROM generate_series(1, count) AS n))))
$$;
SELECT is(refused(words(1000)), 'defined', '1000 words');
SELECT is(refused(words(1001)), '"shapes[0].state.words" has more than 1000 words');
SELECT is(refused(shape(jsonb_build_object('comment', repeat('x', 256 * 1024)))), '"description" is larger than 256 kB');
SELECT throws_ok($$SELECT msgstatus.define_provider('x', '{"shapes": [{"when": {"a": true}, "id": "i", "state": {"is": "gone"}}]}')$$, '22023');
SELECT throws_ok(format('SELECT msgstatus.define_provider(%L, %L)', name, shape('{}')), '22023', NULL, name) FROM unnest(ARRAY['', 'A', 'a b', '-a', 'a/b', repeat('a', 64), 'meta', 'twilio', 'aisensy']) AS name;
SELECT throws_ok(format('SELECT msgstatus.define_provider(%L, %L)', name, description), '22004') FROM (VALUES (NULL, shape('{}')), ('a', NULL)) AS t (name, description);

-- Dead letters of several lists, of lists in a list, and of a list as JSON in a text stay as many as they are, and fit again.
SELECT msgstatus.drop_provider('bad');
CREATE FUNCTION replays(description jsonb, body jsonb, learned jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text := '';
BEGIN
    DELETE FROM msgstatus.rejected_status;
    PERFORM msgstatus.define_provider('letters', shape(description));
    PERFORM msgstatus.apply_message_status(body);
    FOR n IN 1..3 LOOP
        found := found || (SELECT count(*) FROM msgstatus.rejected_status) || ' ';
        PERFORM msgstatus.replay_rejected();
    END LOOP;
    -- Once every word is known, none is left.
    PERFORM msgstatus.define_provider('letters', shape(description || '{"state": {"path": "s", "words": {"x": "sent"}}}'));
    found := found || (msgstatus.replay_rejected() ->> 'applied');
    found := found || ' ' || (SELECT count(*) FROM msgstatus.rejected_status);
    PERFORM msgstatus.drop_provider('letters');
    RETURN found;
END
$$;
SELECT is(replays(d::jsonb, b::jsonb, '{}'), e, d) FROM (VALUES
    ('{"list": ["p", "q"]}', '{"a": 1, "p": [{"i": "l1", "s": "x"}, {"i": "l2", "s": "x"}, {"i": "l0", "s": "sent"}], "q": [{"i": "l3", "s": "x"}, {"i": "l4", "s": "x"}]}', '4 4 4 4 0'),
    ('{"list": ["p", "q"]}', '{"a": 1, "p": [{"i": "l1b", "s": "x"}], "q": "[{\"i\": \"l2b\", \"s\": \"x\"}]"}', '2 2 2 2 0'),
    ('{"list": "rows.*"}', '{"a": 1, "rows": [[{"i": "l5", "s": "x"}, {"i": "l6", "s": "x"}, {"i": "l7", "s": "sent"}], [{"i": "l8", "s": "x"}]]}', '3 3 3 3 0'),
    ('{"list": ["p.*.q", "p.*.r", "t"]}', '{"a": 1, "t": [{"i": "l9", "s": "x"}], "p": [{"q": [{"i": "m1", "s": "x"}, {"i": "m2", "s": "x"}], "r": [{"i": "m3", "s": "x"}]}, {"r": [{"i": "m4", "s": "x"}]}]}', '5 5 5 5 0'),
    ('{"list": "r", "when": {"a": true, "r": {"begins": "["}}}', '{"a": 1, "r": "[{\"i\": \"m5\", \"s\": \"x\"}, {\"i\": \"m6\", \"s\": \"sent\"}]"}', '1 1 1 1 0'),
    ('{"list": "r.*.q"}', '{"a": 1, "r": "[{\"q\": [{\"i\": \"m7\", \"s\": \"x\"}, {\"i\": \"m8\", \"s\": \"x\"}]}, {\"q\": [{\"i\": \"m9\", \"s\": \"x\"}]}]"}', '3 3 3 3 0')) AS t (d, b, e);
-- A number of many digits in a text.
SELECT msgstatus.define_provider('letters', shape('{"list": "r"}'));
SELECT is(counts(jsonb_build_object('a', 1, 'r', (SELECT '[' || string_agg('{"s": "x", "n": [' || repeat('1e131000, ', 200) || '1]}', ', ') || ']' FROM generate_series(1, 2)))), '2 0 0 2 0');
SELECT msgstatus.drop_provider('letters');
DELETE FROM msgstatus.rejected_status;

-- One's own description takes the place of a built-in one of the name, and goes again.
SELECT is(reading('{"MessageUUID": "m", "Status": "parked"}'), 'dead letter: plivo the status is missing or names no known state');
SELECT msgstatus.define_provider('plivo', '{"shapes": [{"when": {"MessageUUID": true}, "id": "MessageUUID", "state": {"path": "Status", "words": {"parked": "queued"}}}]}');
SELECT is(reading('{"MessageUUID": "m", "Status": "parked"}'), 'plivo m queued receipt', 'in effect at once');
SELECT is((SELECT array_agg(is_built_in) FROM msgstatus.providers WHERE name = 'plivo'), '{f}');
SELECT msgstatus.drop_provider('plivo');
SELECT is(reading('{"MessageUUID": "m", "Status": "parked"}'), 'dead letter: plivo the status is missing or names no known state');
SELECT throws_ok($$SELECT msgstatus.drop_provider('plivo')$$, '22023', 'no provider "plivo" is defined');
SELECT throws_ok($$SELECT msgstatus.drop_provider('nobody')$$, '22023');
SAVEPOINT s;
SELECT msgstatus.drop_provider('acme');
SELECT is(reading('{"vendor": "acme"}'), 'dead letter: not a shape of any known webhook');
ROLLBACK TO s;
SELECT is(reading('{"vendor": "acme"}'), 'ignored: acme', 'rolled back');
SAVEPOINT s;
TRUNCATE msgstatus.provider_description;
SELECT is(reading('{"vendor": "acme"}'), 'dead letter: not a shape of any known webhook', 'emptied');
ROLLBACK TO s;
-- Nobody who writes the table past define_provider makes a call fail.
INSERT INTO msgstatus.provider_description VALUES ('odd', '{"shapes": 5}'), ('nul', 'null');
SELECT is(reading('{"vendor": "acme"}'), 'ignored: acme');
-- Content of one's own provider can be kept out, too.
SELECT lives_ok($$SELECT msgstatus.keep_content('acme', false)$$);
SELECT throws_ok($$SELECT msgstatus.keep_content('acne', false)$$, '22023');
SELECT is(counts('{"vendor": "acme", "kind": "mo", "msg": {"id": "in2", "from": "15550100001", "a.b": "secret"}}'), '1 1 0 0 0');
SELECT is(message('in2') ->> 'content', NULL);
SELECT is((SELECT array_agg(name ORDER BY name) FROM msgstatus.providers WHERE is_built_in), '{360dialog,aisensy,aws,bird,gupshup,infobip,interakt,messagebird,meta,plivo,sinch,telnyx,twilio,vonage,wati}');
SELECT lives_ok(format('SELECT msgstatus.check_provider_description(%L, %L)', name, description), name) FROM msgstatus.builtin_provider_descriptions();

-- Operators define, analysts read; who applies needs no right.
CREATE ROLE provider_operator; CREATE ROLE provider_analyst; CREATE ROLE provider_ingest;
SELECT msgstatus.grant_access('provider_operator', 'operator');
SELECT msgstatus.grant_access('provider_analyst', 'analyst');
SELECT msgstatus.grant_access('provider_ingest', 'ingest');
SET LOCAL ROLE provider_operator;
SELECT lives_ok($$SELECT msgstatus.define_provider('ops', '{"shapes": [{"when": {"ops": true}, "id": "i", "state": {"is": "sent"}}]}')$$, 'an operator may');
SELECT lives_ok($$SELECT * FROM msgstatus.explain_webhook('{"ops": 1, "i": "x"}', 'ops')$$);
SELECT lives_ok($$SELECT msgstatus.drop_provider('ops')$$);
SET LOCAL ROLE provider_analyst;
SELECT lives_ok($$SELECT * FROM msgstatus.providers$$, 'an analyst reads');
SELECT throws_ok($$SELECT msgstatus.define_provider('ops', '{}')$$, '42501');
SELECT throws_ok($$SELECT msgstatus.drop_provider('acme')$$, '42501');
SELECT throws_ok($$SELECT * FROM msgstatus.explain_webhook('{}')$$, '42501');
SELECT throws_ok($$SELECT * FROM msgstatus.provider_description$$, '42501');
SELECT throws_ok($$SELECT msgstatus.check_provider_description('ops', '{}')$$, '42501', NULL, 'nor does an analyst make a backend parse');
SET LOCAL ROLE provider_ingest;
SELECT throws_ok($$SELECT msgstatus.define_provider('ops', '{}')$$, '42501');
SELECT is(msgstatus.apply_message_status('{"vendor": "acme", "kind": "mo", "msg": {"id": "in3"}}') ->> 'applied', '1', 'and its webhooks are read');
RESET ROLE;

-- Meta's codes that a provider passes on have Meta's meaning, unless the provider has a row of its own. Small numbers are everybody's own.
INSERT INTO msgstatus.error_code_catalog (provider, code, meaning, retryable) VALUES ('acme', 131026, 'acme says no', false), ('acme', 5, 'five', true);
INSERT INTO msgstatus.message (message_id, provider, error_code, status) SELECT concat_ws('-', 'code', p, c), p, c, '{"failed": "2024-12-10 11:00Z"}'
FROM unnest('{360dialog,ycloud,aws,acme,unheard-of,vonage,meta,twilio,NULL}'::text[]) AS p, unnest('{131047,131026,4,5}'::integer[]) AS c;
SELECT is((SELECT jsonb_object_agg(COALESCE(provider, '-'), error_meaning) FROM msgstatus.message_timeline WHERE message_id LIKE 'code-%' AND error_code = c), meanings, c::text) FROM (VALUES
    (131047, '{"360dialog": "24 hour window closed", "ycloud": "24 hour window closed", "aws": "24 hour window closed", "acme": "24 hour window closed", "unheard-of": "24 hour window closed",
        "vonage": "24 hour window closed", "meta": "24 hour window closed", "twilio": "24 hour window closed", "-": "24 hour window closed"}'::jsonb),
    (131026, '{"360dialog": "message undeliverable", "ycloud": "message undeliverable", "aws": "message undeliverable", "acme": "acme says no", "unheard-of": "message undeliverable",
        "vonage": "message undeliverable", "meta": "message undeliverable", "twilio": "message undeliverable", "-": "message undeliverable"}'),
    (4, '{"360dialog": "throughput limit reached", "ycloud": "throughput limit reached", "aws": "throughput limit reached", "acme": null, "unheard-of": null, "vonage": "barred by the recipient",
        "meta": "throughput limit reached", "twilio": null, "-": "throughput limit reached"}'),
    (5, '{"360dialog": null, "ycloud": null, "aws": null, "acme": "five", "unheard-of": null, "vonage": "number was ported", "meta": null, "twilio": null, "-": null}')) AS t (c, meanings);
INSERT INTO msgstatus.failure_rollup (hour, provider, error_code, slot, messages) SELECT date_trunc('hour', now(), 'UTC'), p, 131047, 9, 1 FROM unnest('{acme,360dialog}'::text[]) AS p;
SELECT is((SELECT count(*) FROM msgstatus.failure_breakdown WHERE provider IN ('acme', '360dialog') AND error_code = 131047 AND meaning = '24 hour window closed'), 2::bigint);

SELECT finish();
ROLLBACK;
