-- Replies that opt their sender out.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

CREATE FUNCTION reply(id text, n integer, body text) RETURNS text LANGUAGE sql AS $$
    SELECT apply_message_status(jsonb_build_object('MessageSid', id, 'SmsStatus', 'received', 'From', '+1555000000' || n,
        'To', '+15550990000', 'Body', body)) ->> 'applied'
$$;
CREATE FUNCTION outs() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(right(phone_number, 1) || ' ' || reason, ', ' ORDER BY phone_number) FROM opt_out $$;

SELECT is(reply('SM1', 1, 'STOP'), '1');
SELECT is(outs(), NULL, 'off by default');
SELECT lives_ok($$SELECT set_opt_out_words('{STOP," Abmelden. "}')$$);
SELECT reply('SM2', 2, ' stop! '), reply('SM3', 3, 'ABMELDEN'), reply('SM4', 4, 'do not stop'), reply('SM5', 5, ''), reply('SM6', 6, NULL);
SELECT is(outs(), '2 replied stop, 3 replied abmelden', 'the whole text, in any case, without punctuation');
SELECT register_message('out', recipient => '+15550000007', sender => '+15550000008', content => 'STOP', direction => 'outbound');
SELECT register_message('text', sender => 'Acme', content => 'STOP', direction => 'inbound');
SELECT is(outs(), '2 replied stop, 3 replied abmelden', 'only of incoming messages, and of phone numbers');
SELECT made('replied', 3) AS replied \gset
SELECT is(claim(:'replied'), '1', 'campaigns leave them out');
SELECT opt_in('+15550000002');
SELECT reply('SM2', 2, ' stop! ');
UPDATE message SET updated_at = now() WHERE message_id = 'SM2';
SELECT is(outs(), '3 replied abmelden', 'the same reply once more does not opt out who opted in since');
SELECT set_opt_out_words('{no}');
SELECT reply('SM7', 7, 'stop'), reply('SM8', 8, 'No');
SELECT is(outs(), '3 replied abmelden, 8 replied no', 'other words');
SELECT throws_ok($$SELECT set_opt_out_words('{stop,!}')$$, '22023', 'a word must not be null or empty');
SELECT throws_ok($$SELECT set_opt_out_words('{NULL}')$$, '22023');
SELECT keep_content('twilio', false);
SELECT reply('SM9', 9, 'no');
SELECT is(outs(), '3 replied abmelden, 8 replied no', 'a text that is not stored is not read');
SELECT keep_content('twilio', true);
SELECT set_opt_out_words(NULL);
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'message'::regclass AND tgname LIKE 'opt_out%'), 0::bigint, 'none: no trigger');

SELECT finish();
ROLLBACK;
