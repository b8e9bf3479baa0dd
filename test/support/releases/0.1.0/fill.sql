-- Fills a database with what each feature of 0.1.0 stores, and with what users build on it. dump.sql.xz was made of it.
CREATE ROLE updated_ingest;
CREATE ROLE updated_sender;
CREATE ROLE updated_analyst;
CREATE ROLE updated_operator;
CREATE ROLE updated_report;
CREATE ROLE updated_app;
SELECT msgstatus.grant_access('updated_ingest', 'ingest');
SELECT msgstatus.grant_access('updated_sender', 'sender');
SELECT msgstatus.grant_access('updated_analyst', 'analyst');
SELECT msgstatus.grant_access('updated_operator', 'operator');
-- What grant_access() knows nothing of.
GRANT USAGE ON SCHEMA msgstatus TO updated_report;
GRANT SELECT ON msgstatus.message, msgstatus.daily_summary TO updated_report;
GRANT EXECUTE ON FUNCTION msgstatus.state(msgstatus.message_status) TO updated_report;

-- Tables of a team.
CREATE SCHEMA shop;
CREATE TABLE shop.log (sid text PRIMARY KEY, status text DEFAULT 'NEW', sent_at timestamptz, delivered_at timestamptz, read_at timestamptz,
    failed_at timestamptz, error_code integer, error_message text);
CREATE TABLE shop.typed (wamid text PRIMARY KEY, status msgstatus.message_status, state msgstatus.delivery_state);
CREATE TABLE shop.parted (sid text PRIMARY KEY, read_at timestamp, retry_count integer NOT NULL DEFAULT 0) PARTITION BY HASH (sid);
CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE shop.refusing (sid text PRIMARY KEY, status text);
INSERT INTO shop.log (sid) SELECT 'wamid.' || n FROM generate_series(1, 120) AS n;
INSERT INTO shop.typed (wamid) SELECT 'wamid.' || n FROM generate_series(1, 120) AS n;
INSERT INTO shop.parted (sid) SELECT 'wamid.' || n FROM generate_series(1, 120) AS n;
INSERT INTO shop.refusing (sid) VALUES ('wamid.1'), ('wamid.2');
SELECT msgstatus.attach_table('shop.log', 'sid', '{"state": {"column": "status", "spelling": {"sent": "SENT", "delivered": "DELIVERED", "read": "READ", "failed": "FAILED"}}}');
SELECT msgstatus.attach_table('shop.typed', 'wamid');
SELECT msgstatus.attach_table('shop.parted', 'sid', time_zone => 'Europe/Berlin');
SELECT msgstatus.attach_table('shop.refusing', 'sid', '{"state": "status"}');
ALTER TABLE shop.refusing ADD CHECK (status IS NULL);
CREATE TRIGGER keep_order BEFORE UPDATE ON shop.log FOR EACH ROW EXECUTE FUNCTION msgstatus.keep_status_order('status');

-- Webhooks: two hundred messages of Meta and Twilio in three months, in each state, some inbound, some repeated, some of no use.
SELECT msgstatus.apply_message_status(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'id', 'wamid.' || n, 'status', s.status, 'timestamp', (1790000000 + n * 30000 + s.place * 60)::text,
        'recipient_id', '1555010' || lpad((n % 37)::text, 4, '0'),
        'pricing', CASE WHEN s.status = 'sent' THEN jsonb_build_object('billable', n % 2 = 0, 'category', 'marketing') END,
        'errors', CASE WHEN s.status = 'failed' THEN jsonb_build_array(jsonb_build_object('code', 131026 + n % 3, 'title', 'Message undeliverable')) END))
        ORDER BY n, s.place), '2026-11-20T12:00Z')
FROM generate_series(1, 150) AS n, LATERAL (VALUES (1, 'sent', true), (2, 'delivered', n % 5 > 0), (3, 'read', n % 5 > 2), (4, 'failed', n % 5 = 0)) AS s (place, status, comes)
WHERE s.comes;
SELECT msgstatus.apply_message_status(jsonb_build_object('MessageSid', 'SM' || md5(n::text), 'MessageStatus', s.status, 'From', '+15550200', 'To', '+1555030' || lpad(n::text, 4, '0')),
    '2026-10-03T08:00Z'::timestamptz + n * interval '7 hours' + s.place * interval '1 minute')
FROM generate_series(1, 50) AS n, LATERAL (VALUES (1, 'queued'), (2, 'sent'), (3, CASE WHEN n % 4 = 0 THEN 'undelivered' ELSE 'delivered' END)) AS s (place, status);
SELECT msgstatus.apply_message_status('{"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value":
    {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550001111", "phone_number_id": "9"},
    "contacts": [{"profile": {"name": "A"}, "wa_id": "15550102222"}],
    "messages": [{"from": "15550102222", "id": "wamid.inbound", "timestamp": "1792000000", "type": "text", "text": {"body": "STOP"}}]}}]}]}', '2026-11-20T12:00Z');
SELECT msgstatus.apply_message_status('{"id": "wamid.7", "status": "no such status"}', '2026-11-20T12:00Z');
SELECT msgstatus.reject_webhook(E'{"a": "\\u0000"}', 'jsonb refuses it', '2026-11-20T12:00Z');
SELECT msgstatus.register_message('wamid.registered', recipient => '+15550109999', content => 'hello', metadata => '{"order": 7}');

-- Campaigns: recipients of every kind.
SELECT msgstatus.create_campaign('autumn', 'greeting', 'en', daily_send_limit => 40, owner => 'shop');
SELECT msgstatus.add_recipients(campaign_id, ARRAY(SELECT '+1555040' || lpad(n::text, 4, '0') FROM generate_series(1, 100) AS n)) FROM msgstatus.campaign;
SELECT msgstatus.opt_out('+15550400001', 'STOP');
SELECT msgstatus.activate_campaign(campaign_id) FROM msgstatus.campaign;
CREATE TEMPORARY TABLE claimed AS SELECT row_number() OVER () AS n, * FROM msgstatus.claim_recipients(20);
SELECT msgstatus.record_send(recipient_id, 'wamid.campaign.' || n) FROM claimed WHERE n <= 12;
SELECT msgstatus.record_send_failure(recipient_id, 'too fast', 130429) FROM claimed WHERE n BETWEEN 13 AND 15;
SELECT msgstatus.skip_recipient(recipient_id, 'not today') FROM claimed WHERE n = 16;
SELECT msgstatus.apply_message_status(jsonb_agg(jsonb_build_object('id', 'wamid.campaign.' || n, 'status', CASE WHEN n % 3 = 0 THEN 'read' ELSE 'delivered' END,
    'timestamp', '1795000000') ORDER BY n), '2026-11-20T12:00Z') FROM generate_series(1, 12) AS n;

-- Settings, alerts, maintenance.
UPDATE msgstatus.alert_rule SET threshold = 80 WHERE name = 'delivery_rate_low';
INSERT INTO msgstatus.alert_rule (name, metric, severity, threshold, minimum_count, period) VALUES ('own_rule', 'undelivered', 'warning', 1, 0, '365 days');
SELECT count(*) FROM msgstatus.check_alerts();
UPDATE msgstatus.maintenance SET messages_kept = '100 years', recipients_kept = '20 years';
SELECT msgstatus.maintain();
INSERT INTO msgstatus.error_code_catalog VALUES ('carrier', 1, 'lost', true, 'again');
UPDATE msgstatus.error_code_catalog SET advice = 'ask the boss' WHERE (provider, code) = ('meta', 131026);

-- What users build on ours.
CREATE VIEW shop.failed AS SELECT t.message_id, t.failed_at, t.state FROM msgstatus.message_timeline AS t WHERE t.state OPERATOR(msgstatus.>=) 'failed'::msgstatus.delivery_state;
CREATE VIEW shop.summary AS SELECT d.* FROM msgstatus.daily_summary AS d;
CREATE VIEW shop.states AS SELECT msgstatus.max(msgstatus.state(m.status)) AS most, msgstatus.min(msgstatus.state(m.status)) AS least, count(*) FILTER (WHERE m.status OPERATOR(msgstatus.?) 'read') AS read
FROM msgstatus.message AS m;
CREATE MATERIALIZED VIEW shop.campaigns AS SELECT * FROM msgstatus.campaign_stats;
GRANT USAGE ON SCHEMA shop TO updated_report;
GRANT SELECT ON shop.failed, shop.summary TO updated_report;
CREATE TABLE shop.order_message (order_id integer PRIMARY KEY, message_id text COLLATE "C" REFERENCES msgstatus.message);
INSERT INTO shop.order_message SELECT n, 'wamid.' || n FROM generate_series(1, 20) AS n;
CREATE INDEX ON shop.typed (state, status);
CREATE INDEX message_by_state ON msgstatus.message (msgstatus.state(status));
ALTER TABLE msgstatus.message ADD COLUMN shop_id integer DEFAULT 1;
ALTER TABLE msgstatus.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_own ON msgstatus.message FOR SELECT TO updated_app USING (shop_id = 1);
GRANT SELECT ON msgstatus.message TO updated_app;
GRANT USAGE ON SCHEMA msgstatus TO updated_app;
CREATE PUBLICATION updated FOR TABLE msgstatus.message, msgstatus.status_event;
