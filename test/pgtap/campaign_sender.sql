-- The daily limit of a sender number, which its campaigns share.
BEGIN;
\ir include/campaign.psql
SELECT no_plan();

CREATE FUNCTION sent_from(campaign_name text, number text, daily integer DEFAULT NULL) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    id uuid := create_campaign(campaign_name, daily_send_limit => daily, sender => number);
BEGIN
    PERFORM add_recipients(id, ARRAY(SELECT '+1555000000' || n FROM generate_series(1, 9) AS n)), activate_campaign(id);
    RETURN id;
END
$$;
CREATE FUNCTION used() RETURNS integer LANGUAGE sql AS $$ SELECT max(claimed) FROM sender_day $$;

SELECT sent_from('before', '+1 (555) 099-0000') AS before \gset
SELECT is(claim(:'before', 1), '1', 'no limit yet');
SELECT lives_ok($$SELECT limit_sender('+1 555 099 0000', 6)$$);
SELECT sent_from('one', '+15550990000', 2) AS one, sent_from('two', 'whatsapp:+15550990000') AS two, sent_from('other', '+15550990001') AS other \gset
SELECT is(claim(:'one'), '1 2', 'the limit of the campaign holds');
SELECT is(used(), 3, 'what was sent from the number before there was a limit counts');
SELECT is((SELECT array_agg(DISTINCT sender) FROM claim_recipients(2, :'two')), '{+15550990000}', 'a claim names the number');
SELECT is(claim(:'two'), '3', 'campaigns share the limit');
SELECT is(claim(:'before'), NULL);
SELECT is((SELECT count(*) FROM claim_recipients(100, :'other')), 9::bigint, 'another number has none');
SELECT record_send(recipient(:'two', 1), 'two 1', 1), record_send_failure(recipient(:'two', 2), 'too fast', 130429, claim => 1);
SELECT is(used(), 6, 'reports change nothing');
SELECT is((SELECT sender FROM message WHERE message_id = 'two 1'), '+15550990000', 'messages are registered with the number');
SELECT skip_recipient(recipient(:'one', 1));
SELECT is(used(), 5, 'who is skipped gives the place back');
SELECT is(claim(:'before'), '2', 'to any campaign of the number');
SELECT record_send(recipient(:'before', 9), 'before 9');
SELECT is(used(), 7, 'a send that nobody claimed counts');
SELECT is(claim(:'before'), NULL);
SELECT limit_sender('+15550990000', 8);
SELECT is(claim(:'before'), '3', 'a higher limit holds at once');
SELECT limit_sender('+15550990000', 8, '<far>-12');
SELECT is((SELECT count(*) FROM sender_day), 0::bigint, 'days of another zone are counted anew');
SELECT limit_sender('+15550990000', NULL);
SELECT is(claim(:'before'), '4 5 6 7 8', 'without a limit all may go');
SELECT throws_ok($$SELECT limit_sender('+15550990000', 0)$$, '22023', 'daily_send_limit must be positive');
SELECT throws_ok($$SELECT limit_sender('', 1)$$, '22004');
SELECT throws_ok($$SELECT limit_sender('x', 1, 'Atlantis')$$, '22023');

SELECT finish();
ROLLBACK;
