-- Sizes: of ids and texts, of bodies, of nesting. Beyond a limit content is rejected; it never raises.
BEGIN;
\ir include/helpers.psql
SELECT no_plan();

-- The longest texts that are kept, and one byte more.
CREATE FUNCTION of_size(field text, size integer) RETURNS text LANGUAGE sql AS $$
    SELECT counts(CASE field
        WHEN 'id' THEN jsonb_build_object('id', repeat('x', size), 'status', 'sent')
        WHEN 'recipient' THEN jsonb_build_object('id', 'w', 'status', 'sent', 'recipient_id', repeat('x', size))
        WHEN 'participant' THEN jsonb_build_object('id', 'w', 'status', 'sent', 'recipient_participant_id', repeat('x', size))
        WHEN 'sender' THEN jsonb_build_object('MessageSid', 'w', 'MessageStatus', 'sent', 'From', repeat('x', size))
        WHEN 'type' THEN jsonb_build_object('id', 'w', 'from', '1', 'type', repeat('x', size))
        WHEN 'category' THEN jsonb_build_object('id', 'w', 'status', 'sent', 'pricing', jsonb_build_object('category', repeat('x', size)))
        WHEN 'unit' THEN jsonb_build_object('sid', 'w', 'status', 'sent', 'price_unit', repeat('x', size))
        WHEN 'title' THEN jsonb_build_object('id', 'w', 'status', 'failed', 'errors', jsonb_build_object('title', repeat('x', size)))
        WHEN 'details' THEN jsonb_build_object('MessageSid', 'w', 'MessageStatus', 'failed', 'ChannelStatusMessage', repeat('x', size))
        WHEN 'content' THEN jsonb_build_object('id', 'w', 'from', '1', 'type', 'text', 'text', jsonb_build_object('body', repeat('x', size)))
        WHEN 'media' THEN jsonb_build_object('MessageSid', 'w', 'SmsStatus', 'received', 'MediaUrl0', repeat('x', size))
    END)
$$;
CREATE TEMP TABLE size_limit (field text, bytes integer, reason text);
INSERT INTO size_limit VALUES
    ('id', 512, 'the message id is longer than 512 bytes'),
    ('recipient', 256, 'an address is longer than 256 bytes'), ('participant', 256, 'an address is longer than 256 bytes'),
    ('sender', 256, 'an address is longer than 256 bytes'),
    ('type', 256, 'a type, unit or category is longer than 256 bytes'), ('category', 256, 'a type, unit or category is longer than 256 bytes'),
    ('unit', 256, 'a type, unit or category is longer than 256 bytes'),
    ('title', 8192, 'an error text is longer than 8 KiB'), ('details', 8192, 'an error text is longer than 8 KiB'),
    ('content', 262144, 'the content is longer than 256 KiB'), ('media', 262144, 'the content is longer than 256 KiB');
SELECT is(of_size(field, bytes), '1 1 0 0 0', format('%s of %s bytes', field, bytes)) FROM size_limit;
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 0::bigint);
SELECT is(of_size(field, bytes + 1), '1 0 0 1 0', format('%s of %s bytes', field, bytes + 1)) FROM size_limit;
SELECT is((SELECT array_agg(reason ORDER BY rejected_id) FROM msgstatus.rejected_status), (SELECT array_agg(reason) FROM size_limit));
SELECT is(of_size('id', 10000), '1 0 0 1 0', 'an id of 10,000 characters');
SELECT is(of_size('content', 3000000), '1 0 0 1 0', 'a text of 3 MB');
SELECT is((SELECT max(length(payload #>> '{text,body}')) FROM msgstatus.rejected_status), 3000000, 'is kept whole');
SELECT forget();

-- Nesting around the webhook.
CREATE FUNCTION nested(levels integer, inner_text text DEFAULT '{"id": "deep", "status": "sent", "timestamp": 1733832000}')
RETURNS jsonb LANGUAGE sql AS $$ SELECT (repeat('[', levels) || inner_text || repeat(']', levels))::jsonb $$;
SELECT is(counts(nested(100)), '1 1 0 0 0', '100 levels of arrays');
SELECT is(counts(nested(200)), '1 0 1 0 0', '200 levels');
SELECT is(counts(nested(201)), '1 0 0 1 0', '201 levels');
SELECT is(counts(nested(1000)), '1 0 0 1 0', '1,000 levels');
SELECT is(counts(nested(5000)), '1 0 0 1 0', '5,000 levels');
SELECT is(counts(jsonb_build_array('{"id": "beside", "status": "sent", "timestamp": 1733832000}'::jsonb, nested(1000))), '2 1 0 1 0',
    'beside a good one');
SELECT is((SELECT array_agg(DISTINCT reason) FROM msgstatus.rejected_status), '{nested more than 200 levels deep}');
SELECT is((SELECT payload FROM msgstatus.rejected_status ORDER BY rejected_id LIMIT 1),
    '{"id": "deep", "status": "sent", "timestamp": 1733832000}', 'what was nested too deep is whole');
SELECT forget();

-- Nesting within a status object.
CREATE FUNCTION with_depth(id text, levels integer, opening text DEFAULT '[', closing text DEFAULT ']') RETURNS jsonb LANGUAGE sql AS $$
    SELECT format('{"id": "%s", "status": "sent", "timestamp": 1733832000, "x": %s1%s}', id, repeat(opening, levels), repeat(closing, levels))::jsonb
$$;
SELECT is(counts(with_depth('in100', 100)), '1 1 0 0 0', '100 levels of arrays within');
SELECT is(counts(with_depth('in199', 199)), '1 1 0 0 0', '199, in the object itself');
SELECT is(counts(with_depth('in200', 200)), '1 0 0 1 0', 'one more');
SELECT is(counts(with_depth('in100o', 100, '{"a": ', '}')), '1 1 0 0 0', '100 levels of objects');
SELECT is(counts(with_depth('in1000o', 1000, '{"a": ', '}')), '1 0 0 1 0', '1,000 levels of objects');
SELECT is(counts(with_depth('in1000m', 500, '{"a": [', ']}')), '1 0 0 1 0', '1,000 levels of both');
SELECT is((SELECT array_agg(DISTINCT reason) FROM msgstatus.rejected_status), '{nested more than 200 levels deep}');
SELECT forget();
-- As deep as jsonb accepts, and a little less: what jsonb holds is taken, however little of the stack is left.
CREATE FUNCTION raised_at(opening text, closing text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    low integer := 200;
    high integer := 100000;
    middle integer;
    payload jsonb;
BEGIN
    WHILE high - low > 1 LOOP
        middle := (low + high) / 2;
        BEGIN
            payload := with_depth('deepest', middle, opening, closing);
            low := middle;
        EXCEPTION WHEN statement_too_complex THEN
            high := middle;
        END;
    END LOOP;
    FOR levels IN low - 60 .. low LOOP
        BEGIN
            payload := with_depth('deepest', levels, opening, closing);
        EXCEPTION WHEN statement_too_complex THEN
            EXIT;
        END;
        IF counts(payload) <> '1 0 0 1 0' THEN
            RETURN 'not rejected at ' || levels;
        END IF;
    END LOOP;
    PERFORM msgstatus.replay_rejected();
    PERFORM forget();
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
SELECT is(raised_at('[', ']'), NULL, 'arrays, to the limit of jsonb');
SELECT is(raised_at('{"a": ', '}'), NULL, 'objects');
SELECT is(raised_at('[{"a": ', '}]'), NULL, 'both');
SELECT forget();

-- Bodies as large as providers send.
SELECT is(counts((SELECT jsonb_build_object('entry', jsonb_build_array(jsonb_build_object('changes', jsonb_build_array(jsonb_build_object(
    'field', 'messages', 'value', jsonb_build_object('messaging_product', 'whatsapp', 'statuses', jsonb_agg(jsonb_build_object(
        'id', 'wamid.' || n, 'status', 'delivered', 'timestamp', (1733832000 + n)::text, 'recipient_id', (4917000000000 + n)::text))))))))
    FROM generate_series(1, 1000) AS n)), '1000 1000 0 0 0', '1,000 statuses in one body');
SELECT is((SELECT count(*) FROM msgstatus.message AS m
    WHERE m.status::text = format('{"delivered": "%s"}', to_char(to_timestamp(1733832000 + substr(message_id, 7)::integer) AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AND recipient = '+' || (4917000000000 + substr(message_id, 7)::bigint)), 1000::bigint, 'each with its own facts');
SELECT is(counts((SELECT jsonb_agg(jsonb_build_object('id', 'same', 'status', 'sent', 'timestamp', 1733832000 - n)) FROM generate_series(1, 5000) AS n)),
    '5000 5000 0 0 0', '5,000 times of one message');
SELECT is(status('same'), '{"sent": "2024-12-10T10:36:40Z"}');
SELECT forget();
SELECT is(counts((SELECT jsonb_agg(jsonb_build_object('id', 'wamid.' || n, 'status', 'sent', 'timestamp', 1733832000, 'x', repeat('y', 3000)))
    FROM generate_series(1, 1000) AS n)), '1000 1000 0 0 0', 'a body of 3 MB');
SELECT is((SELECT sum(length(detail ->> 'x')) FROM msgstatus.status_event), 3000000::bigint);
SELECT is(counts(jsonb_build_object('id', 'one', 'status', 'sent', 'timestamp', 1733832000, 'x', repeat('y', 3000000))), '1 1 0 0 0', 'one member of 3 MB');
SELECT forget();

-- A small body must not fill a table.
SELECT is(counts((SELECT jsonb_agg(n % 10) FROM generate_series(1, 1500000) AS n)), '1500000 0 0 1500000 0', '1.5 million digits');
SELECT is((SELECT array_agg(reason || ': ' || jsonb_array_length(payload)) FROM msgstatus.rejected_status),
    '{more than 1000 parts cannot be used: 1500000}', 'are one dead letter');
SELECT forget();
SELECT is(counts((SELECT jsonb_agg(0) FROM generate_series(1, 1000) AS n)), '1000 0 0 1000 0', '1,000 that cannot be used');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 1000::bigint, 'are 1,000 dead letters');
SELECT forget();
SELECT is(counts((SELECT jsonb_agg(0) || '{"id": "among", "status": "sent"}' FROM generate_series(1, 1001) AS n)), '1002 1 0 1001 0', '1,001 and a good one');
SELECT is((SELECT count(*) FROM msgstatus.rejected_status), 1::bigint, 'are one dead letter');
SELECT is(status('among'), '{"sent": "2024-12-10T12:00:00Z"}', 'and the good one is applied');
SELECT forget();
SELECT is((SELECT array_agg(rejected ORDER BY rejected) FROM msgstatus.apply_message_status_batch(
    ARRAY[(SELECT jsonb_agg(0) FROM generate_series(1, 2000)), '[1, 2]', (SELECT jsonb_agg(0) FROM generate_series(1, 1001))],
    array_fill(now(), '{3}'), array_fill(NULL::text, '{3}'))), '{2,1001,2000}', 'the limit holds for each body of a batch');
SELECT is((SELECT array_agg(reason ORDER BY rejected_id) FROM msgstatus.rejected_status), ARRAY['more than 1000 parts cannot be used',
    'not a JSON object', 'not a JSON object', 'more than 1000 parts cannot be used']);

SELECT finish();
ROLLBACK;
