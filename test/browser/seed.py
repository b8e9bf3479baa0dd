"""Messages for people to see."""

MESSAGES = 130

# One message a minute, the newest a minute ago; every fifth failed. Two of three have a campaign.
SEED = f"""
SET search_path = msgstatus;
SELECT create_campaign('Spring greeting', 'greeting', 'en') AS spring \\gset
SELECT add_recipients(:'spring', ARRAY(SELECT '+4917000' || lpad(n::text, 5, '0') FROM generate_series(1, 12) AS n));
SELECT set_config('seed.campaign', :'spring', false);
DO $seed$
DECLARE
    id text;
    at timestamptz;
BEGIN
    FOR n IN 1..{MESSAGES} LOOP
        id := CASE n % 3 WHEN 1 THEN 'SM' || md5(n::text) ELSE 'wamid.' || md5(n::text) END;
        at := now() - n * interval '1 minute';
        PERFORM apply_message_status(jsonb_agg(jsonb_build_object('id', id, 'status', s.state, 'timestamp', extract(epoch FROM at + s.after)::bigint::text)
                || CASE s.state WHEN 'failed' THEN '{{"errors": [{{"code": 131026, "title": "Message undeliverable"}}]}}' ELSE '{{}}' END::jsonb),
            at + interval '1 second', 'seed')
        FROM (VALUES (0, 'queued', interval '0'), (1, 'sent', '1 second'), (2, 'delivered', '3 seconds'), (3, 'read', '47 seconds'), (4, 'failed', '2 seconds'))
            AS s (number, state, after)
        WHERE s.number <= LEAST(n % 5, 3) AND n % 5 < 4 OR n % 5 = 4 AND s.number IN (0, 4);
        PERFORM register_message(id, provider => (array['meta', 'twilio', 'aisensy'])[1 + n % 3],
            direction => CASE WHEN n % 10 = 2 THEN 'inbound' ELSE 'outbound' END, sender => '+15550100000',
            recipient => '+4917000' || lpad(n::text, 5, '0'), message_type => (array['text', 'template'])[1 + n % 2],
            metadata => jsonb_build_object('order', 'order-' || n),
            campaign_id => CASE WHEN n % 3 > 0 THEN current_setting('seed.campaign')::uuid END);
    END LOOP;
END
$seed$;
SELECT apply_message_status('{{"id": "wamid.NONE", "status": "dreamt", "timestamp": "1733826600"}}', source => 'seed');
"""
