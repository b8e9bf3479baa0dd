-- The tables and views that install() made before campaigns had sending hours and alerts had channels: pg_dump --schema-only
-- --no-owner --no-privileges, without partitions, and without the comments that install() sets each time.

CREATE VIEW msgstatus.active_alerts AS
 SELECT a.severity,
    a.name,
    a.subject,
    a.value,
    a.threshold,
    a.since,
    a.message
   FROM msgstatus.active_alerts() a(severity, name, subject, value, threshold, since, message);

CREATE TABLE msgstatus.alert_rule (
    name text NOT NULL COLLATE pg_catalog."C",
    metric text NOT NULL COLLATE pg_catalog."C",
    severity text NOT NULL COLLATE pg_catalog."C",
    threshold numeric NOT NULL,
    minimum_count integer NOT NULL,
    period interval NOT NULL,
    age interval DEFAULT '00:00:00'::interval NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    CONSTRAINT alert_rule_age_check CHECK ((age >= '00:00:00'::interval)),
    CONSTRAINT alert_rule_metric_check CHECK ((metric = ANY (ARRAY['delivery_rate'::text, 'undelivered'::text, 'silence'::text, 'read_rate'::text, 'delivery_seconds'::text, 'rejected'::text, 'error_code'::text]))),
    CONSTRAINT alert_rule_minimum_count_check CHECK ((minimum_count >= 0)),
    CONSTRAINT alert_rule_period_check CHECK ((period > '00:00:00'::interval)),
    CONSTRAINT alert_rule_severity_check CHECK ((severity = ANY (ARRAY['critical'::text, 'warning'::text])))
);

CREATE TABLE msgstatus.alert_state (
    name text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    severity text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL,
    value numeric,
    threshold numeric,
    message text NOT NULL
);

CREATE TABLE msgstatus.attached_table (
    attached_table_id integer NOT NULL,
    target regclass NOT NULL,
    key_column name NOT NULL,
    columns jsonb NOT NULL,
    update_sql text NOT NULL,
    attached_by regrole NOT NULL,
    search_path text NOT NULL,
    time_zone text NOT NULL,
    attached_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE msgstatus.attached_table ALTER COLUMN attached_table_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME msgstatus.attached_table_attached_table_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE msgstatus.attached_table_failure (
    attached_table_id integer NOT NULL,
    message_id text NOT NULL COLLATE pg_catalog."C",
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    error_code text NOT NULL,
    error_message text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL
);

CREATE VIEW msgstatus.attached_tables AS
 SELECT a.target,
    (EXISTS ( SELECT
           FROM pg_class c
          WHERE (c.oid = (a.target)::oid))) AS is_there,
    a.key_column,
    a.columns,
    a.time_zone,
    a.attached_by,
    a.attached_at,
    COALESCE(f.failures, (0)::bigint) AS failures,
    l.failed_at AS last_failed_at,
    l.error_code AS last_error_code,
    l.error_message AS last_error
   FROM ((msgstatus.attached_table a
     LEFT JOIN LATERAL ( SELECT count(*) AS failures
           FROM msgstatus.attached_table_failure f_1
          WHERE (f_1.attached_table_id = a.attached_table_id)) f ON (true))
     LEFT JOIN LATERAL ( SELECT f_1.failed_at,
            f_1.error_code,
            f_1.error_message
           FROM msgstatus.attached_table_failure f_1
          WHERE (f_1.attached_table_id = a.attached_table_id)
          ORDER BY f_1.failed_at DESC, f_1.message_id
         LIMIT 1) l ON (true));

CREATE VIEW msgstatus.best_send_hours AS
 SELECT h.weekday,
    h.hour,
    h.messages,
    h.delivered,
    h.read,
    h.read_rate
   FROM msgstatus.best_send_hours() h(weekday, hour, messages, delivered, read, read_rate);

CREATE TABLE msgstatus.campaign (
    campaign_id uuid DEFAULT gen_random_uuid() NOT NULL,
    owner text DEFAULT CURRENT_USER NOT NULL,
    name text NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    provider text COLLATE pg_catalog."C",
    template_name text,
    language_code text,
    daily_send_limit integer,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    max_retries integer DEFAULT 3 NOT NULL,
    retry_delay interval DEFAULT '00:05:00'::interval NOT NULL,
    max_retry_delay interval DEFAULT '06:00:00'::interval NOT NULL,
    retry_window interval DEFAULT '1 day'::interval NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    activated_at timestamp with time zone,
    paused_at timestamp with time zone,
    completed_at timestamp with time zone,
    canceled_at timestamp with time zone,
    CONSTRAINT campaign_daily_send_limit_check CHECK ((daily_send_limit > 0)),
    CONSTRAINT campaign_max_retries_check CHECK ((max_retries >= 0)),
    CONSTRAINT campaign_max_retry_delay_check CHECK ((max_retry_delay >= '00:00:00'::interval)),
    CONSTRAINT campaign_name_check CHECK ((name <> ''::text)),
    CONSTRAINT campaign_retry_delay_check CHECK ((retry_delay >= '00:00:00'::interval)),
    CONSTRAINT campaign_retry_window_check CHECK ((retry_window >= '00:00:00'::interval)),
    CONSTRAINT campaign_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'paused'::text, 'completed'::text, 'canceled'::text]))),
    CONSTRAINT campaign_time_zone_check CHECK ((('2000-01-01 00:00:00'::timestamp without time zone AT TIME ZONE time_zone) IS NOT NULL))
);

CREATE TABLE msgstatus.campaign_attempt (
    campaign_id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    attempt integer NOT NULL,
    message_id text COLLATE pg_catalog."C",
    sent_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure_code integer,
    failure_reason text
);

CREATE TABLE msgstatus.campaign_day (
    campaign_id uuid NOT NULL,
    day date NOT NULL,
    claimed integer NOT NULL
);

CREATE TABLE msgstatus.campaign_recipient (
    recipient_id uuid DEFAULT gen_random_uuid() NOT NULL,
    campaign_id uuid NOT NULL,
    recipient_number bigint NOT NULL,
    phone_number text NOT NULL COLLATE pg_catalog."C",
    template_parameters jsonb,
    scheduled_send_date date,
    waiting boolean DEFAULT true NOT NULL,
    claimed_at timestamp with time zone,
    due_at timestamp with time zone,
    check_at timestamp with time zone,
    message_id text COLLATE pg_catalog."C",
    sent_at timestamp with time zone,
    failed_at timestamp with time zone,
    failure_code integer,
    failure_reason text,
    skipped_at timestamp with time zone,
    skip_reason text,
    retry_count integer DEFAULT 0 NOT NULL,
    max_retries integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT campaign_recipient_max_retries_check CHECK ((max_retries >= 0))
);

ALTER TABLE msgstatus.campaign_recipient ALTER COLUMN recipient_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME msgstatus.campaign_recipient_recipient_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE msgstatus.error_code_catalog (
    provider text NOT NULL COLLATE pg_catalog."C",
    code integer NOT NULL,
    meaning text NOT NULL,
    retryable boolean NOT NULL,
    advice text
);

CREATE TABLE msgstatus.id_key (
    is_the_one boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT id_key_is_the_one_check CHECK (is_the_one)
);

CREATE TABLE msgstatus.message (
    message_id text NOT NULL COLLATE pg_catalog."C",
    provider text COLLATE pg_catalog."C",
    direction text COLLATE pg_catalog."C",
    sender text COLLATE pg_catalog."C",
    recipient text COLLATE pg_catalog."C",
    message_type text COLLATE pg_catalog."C",
    content text COLLATE pg_catalog."C",
    media_url text COLLATE pg_catalog."C",
    metadata jsonb,
    created_by text,
    campaign_id uuid,
    status msgstatus.message_status DEFAULT '{}'::msgstatus.message_status NOT NULL,
    error_code integer,
    error_title text COLLATE pg_catalog."C",
    error_details text COLLATE pg_catalog."C",
    price numeric,
    price_unit text COLLATE pg_catalog."C",
    num_segments integer,
    pricing_category text COLLATE pg_catalog."C",
    billable boolean,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    error_at timestamp with time zone,
    registered smallint,
    last_change integer DEFAULT 0 NOT NULL,
    known_events bytea,
    replaced text[]
)
WITH (fillfactor='85');

CREATE VIEW msgstatus.campaign_recipient_status WITH (security_barrier='true') AS
 SELECT r.recipient_id,
    r.campaign_id,
    c.name AS campaign_name,
    msgstatus.mask_address(r.phone_number) AS phone_number,
    s.state,
    r.scheduled_send_date,
    msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), r.message_id) AS message_id,
        CASE
            WHEN (a.status OPERATOR(msgstatus.?) 'sent'::text) THEN msgstatus.reached_at(a.status, 'sent'::msgstatus.delivery_state)
            WHEN (s.state = 'sent'::text) THEN r.sent_at
            ELSE NULL::timestamp with time zone
        END AS sent_at,
    msgstatus.reached_at(a.status, 'delivered'::msgstatus.delivery_state) AS delivered_at,
    msgstatus.reached_at(a.status, 'read'::msgstatus.delivery_state) AS read_at,
    f.failed_at,
        CASE
            WHEN (f.failed_at IS NULL) THEN NULL::integer
            WHEN (r.failed_at IS NULL) THEN m.error_code
            ELSE r.failure_code
        END AS failure_code,
        CASE
            WHEN (f.failed_at IS NULL) THEN NULL::text
            WHEN (r.failed_at IS NULL) THEN msgstatus.mask_numbers(COALESCE(m.error_title, e.meaning, m.error_details, (f.state)::text))
            ELSE msgstatus.mask_numbers(r.failure_reason)
        END AS failure_reason,
        CASE
            WHEN (s.state <> 'skipped'::text) THEN NULL::text
            WHEN (r.skipped_at IS NOT NULL) THEN msgstatus.mask_numbers(r.skip_reason)
            WHEN (r.message_id IS NOT NULL) THEN ((f.state)::text || ' by the provider'::text)
            ELSE 'campaign canceled'::text
        END AS skip_reason,
    (r.retry_count + (((r.message_id IS NOT NULL) OR (r.failed_at IS NOT NULL)))::integer) AS attempts,
    r.retry_count,
    r.max_retries,
        CASE
            WHEN (s.state <> 'pending'::text) THEN NULL::timestamp with time zone
            WHEN r.waiting THEN ((r.scheduled_send_date)::timestamp without time zone AT TIME ZONE c.time_zone)
            ELSE COALESCE(r.due_at, (f.failed_at + msgstatus.retry_pause(r.retry_count, c.retry_delay, c.max_retry_delay)))
        END AS next_attempt_at
   FROM ((((((( SELECT r_1.recipient_id,
            r_1.campaign_id,
            r_1.phone_number,
            r_1.scheduled_send_date,
            r_1.waiting,
            r_1.due_at,
            r_1.check_at,
            r_1.message_id,
            r_1.sent_at,
            r_1.failed_at,
            r_1.failure_code,
            r_1.failure_reason,
            r_1.skipped_at,
            r_1.skip_reason,
            r_1.retry_count,
            r_1.max_retries,
            NULL::msgstatus.message_status AS earlier
           FROM msgstatus.campaign_recipient r_1
          WHERE (r_1.retry_count = 0)
        UNION ALL
         SELECT r_1.recipient_id,
            r_1.campaign_id,
            r_1.phone_number,
            r_1.scheduled_send_date,
            r_1.waiting,
            r_1.due_at,
            r_1.check_at,
            r_1.message_id,
            r_1.sent_at,
            r_1.failed_at,
            r_1.failure_code,
            r_1.failure_reason,
            r_1.skipped_at,
            r_1.skip_reason,
            r_1.retry_count,
            r_1.max_retries,
            ( SELECT msgstatus.merge_agg(( SELECT am.status
                           FROM msgstatus.message am
                          WHERE (am.message_id = ca.message_id))) AS merge_agg
                   FROM msgstatus.campaign_attempt ca
                  WHERE (ca.recipient_id = r_1.recipient_id)) AS merge_agg
           FROM msgstatus.campaign_recipient r_1
          WHERE (r_1.retry_count > 0)) r
     JOIN msgstatus.campaign c ON ((c.campaign_id = r.campaign_id)))
     LEFT JOIN msgstatus.message m ON ((m.message_id = r.message_id)))
     LEFT JOIN msgstatus.error_code_catalog e ON (((e.code = m.error_code) AND (e.provider =
        CASE COALESCE(m.provider, c.provider)
            WHEN 'twilio'::text THEN 'twilio'::text
            ELSE 'meta'::text
        END))))
     CROSS JOIN LATERAL ( SELECT COALESCE((m.status OPERATOR(msgstatus.||) r.earlier), m.status, r.earlier) AS status
         OFFSET 0) a)
     CROSS JOIN LATERAL ( SELECT msgstatus.state(m.status) AS state,
                CASE
                    WHEN msgstatus.is_failure(msgstatus.state(m.status)) THEN LEAST(msgstatus.reached_at(m.status, 'failed'::msgstatus.delivery_state), msgstatus.reached_at(m.status, 'undelivered'::msgstatus.delivery_state))
                    ELSE r.failed_at
                END AS failed_at) f)
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (a.status OPERATOR(msgstatus.?) 'read'::text) THEN 'read'::text
                    WHEN (a.status OPERATOR(msgstatus.?) 'delivered'::text) THEN 'delivered'::text
                    WHEN ((r.message_id IS NOT NULL) AND (f.failed_at IS NULL) AND COALESCE(((f.state <> 'canceled'::msgstatus.delivery_state) AND (f.state <> 'skipped'::msgstatus.delivery_state)), true)) THEN 'sent'::text
                    WHEN ((r.skipped_at IS NOT NULL) OR ((r.message_id IS NOT NULL) AND (f.failed_at IS NULL))) THEN 'skipped'::text
                    WHEN (c.status = 'canceled'::text) THEN
                    CASE
                        WHEN ((f.failed_at IS NOT NULL) OR (r.retry_count > 0)) THEN 'failed'::text
                        ELSE 'skipped'::text
                    END
                    WHEN (r.waiting OR (r.due_at IS NOT NULL)) THEN 'pending'::text
                    WHEN ((r.check_at IS NOT NULL) AND e.retryable AND (r.retry_count < r.max_retries)) THEN 'pending'::text
                    ELSE 'failed'::text
                END AS state) s)
  WHERE (( SELECT msgstatus.sees_all(VARIADIC ARRAY['msgstatus.message'::regclass, 'msgstatus.campaign'::regclass, 'msgstatus.campaign_recipient'::regclass, 'msgstatus.campaign_attempt'::regclass]) AS sees_all) IS NOT NULL);

CREATE VIEW msgstatus.campaign_stats AS
SELECT
    NULL::uuid AS campaign_id,
    NULL::text AS campaign_name,
    NULL::text AS status,
    NULL::bigint AS total_target,
    NULL::bigint AS pending,
    NULL::bigint AS sent,
    NULL::bigint AS delivered,
    NULL::bigint AS read,
    NULL::bigint AS failed,
    NULL::bigint AS skipped,
    NULL::numeric AS progress_percentage,
    NULL::numeric AS delivery_rate,
    NULL::numeric AS read_rate;

CREATE TABLE msgstatus.content_setting (
    provider text NOT NULL COLLATE pg_catalog."C",
    keep boolean NOT NULL
);

CREATE TABLE msgstatus.folded_hour (
    hour timestamp with time zone NOT NULL,
    messages integer DEFAULT 0 NOT NULL,
    sent integer DEFAULT 0 NOT NULL,
    in_processing integer DEFAULT 0 NOT NULL,
    in_received integer DEFAULT 0 NOT NULL,
    in_pending integer DEFAULT 0 NOT NULL,
    in_scheduled integer DEFAULT 0 NOT NULL,
    in_accepted integer DEFAULT 0 NOT NULL,
    in_queued integer DEFAULT 0 NOT NULL,
    in_sending integer DEFAULT 0 NOT NULL,
    in_sent integer DEFAULT 0 NOT NULL,
    in_partially_delivered integer DEFAULT 0 NOT NULL,
    in_skipped integer DEFAULT 0 NOT NULL,
    in_canceled integer DEFAULT 0 NOT NULL,
    in_failed integer DEFAULT 0 NOT NULL,
    in_undelivered integer DEFAULT 0 NOT NULL,
    in_delivered integer DEFAULT 0 NOT NULL,
    in_read integer DEFAULT 0 NOT NULL,
    in_played integer DEFAULT 0 NOT NULL,
    delivery msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    reading msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    failure msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    recipients bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

CREATE TABLE msgstatus.message_rollup (
    hour timestamp with time zone NOT NULL,
    provider text COLLATE pg_catalog."C",
    sender text COLLATE pg_catalog."C",
    message_type text COLLATE pg_catalog."C",
    direction text COLLATE pg_catalog."C",
    campaign_id uuid,
    slot integer NOT NULL,
    messages integer DEFAULT 0 NOT NULL,
    sent integer DEFAULT 0 NOT NULL,
    in_processing integer DEFAULT 0 NOT NULL,
    in_received integer DEFAULT 0 NOT NULL,
    in_pending integer DEFAULT 0 NOT NULL,
    in_scheduled integer DEFAULT 0 NOT NULL,
    in_accepted integer DEFAULT 0 NOT NULL,
    in_queued integer DEFAULT 0 NOT NULL,
    in_sending integer DEFAULT 0 NOT NULL,
    in_sent integer DEFAULT 0 NOT NULL,
    in_partially_delivered integer DEFAULT 0 NOT NULL,
    in_skipped integer DEFAULT 0 NOT NULL,
    in_canceled integer DEFAULT 0 NOT NULL,
    in_failed integer DEFAULT 0 NOT NULL,
    in_undelivered integer DEFAULT 0 NOT NULL,
    in_delivered integer DEFAULT 0 NOT NULL,
    in_read integer DEFAULT 0 NOT NULL,
    in_played integer DEFAULT 0 NOT NULL,
    delivery msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    reading msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    failure msgstatus.delay_histogram DEFAULT '{}'::msgstatus.delay_histogram NOT NULL,
    recipients bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY msgstatus.message_rollup REPLICA IDENTITY FULL;

CREATE VIEW msgstatus.hour_rollup AS
 SELECT f.hour,
    f.messages,
    f.sent,
    f.in_processing,
    f.in_received,
    f.in_pending,
    f.in_scheduled,
    f.in_accepted,
    f.in_queued,
    f.in_sending,
    f.in_sent,
    f.in_partially_delivered,
    f.in_skipped,
    f.in_canceled,
    f.in_failed,
    f.in_undelivered,
    f.in_delivered,
    f.in_read,
    f.in_played,
    f.delivery,
    f.reading,
    f.failure,
    f.recipients
   FROM msgstatus.folded_hour f
UNION ALL
 SELECT r.hour,
    r.messages,
    r.sent,
    r.in_processing,
    r.in_received,
    r.in_pending,
    r.in_scheduled,
    r.in_accepted,
    r.in_queued,
    r.in_sending,
    r.in_sent,
    r.in_partially_delivered,
    r.in_skipped,
    r.in_canceled,
    r.in_failed,
    r.in_undelivered,
    r.in_delivered,
    r.in_read,
    r.in_played,
    r.delivery,
    r.reading,
    r.failure,
    r.recipients
   FROM msgstatus.message_rollup r
  WHERE (r.slot > 0);

CREATE VIEW msgstatus.daily_summary AS
 WITH p AS (
         SELECT s.day,
            s.total_messages,
            s.sent,
            s.delivered,
            s.read,
            s.failed,
            msgstatus.percentage(s.delivered, s.attempted) AS delivery_rate,
            msgstatus.percentage(s.read, s.delivered) AS read_rate,
            msgstatus.seconds(msgstatus.average(s.delivery)) AS avg_delivery_seconds
           FROM ( SELECT (date_trunc('day'::text, r.hour))::date AS day,
                    sum(r.messages) AS total_messages,
                    sum(r.sent) AS sent,
                    sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
                    sum((r.in_read + r.in_played)) AS read,
                    sum((r.in_failed + r.in_undelivered)) AS failed,
                    sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted,
                    msgstatus.sum(r.delivery) AS delivery
                   FROM msgstatus.hour_rollup r
                  GROUP BY ((date_trunc('day'::text, r.hour))::date)
                 HAVING (sum(r.messages) > 0)) s
        )
 SELECT p.day,
    p.total_messages,
    p.sent,
    p.delivered,
    p.read,
    p.failed,
    p.delivery_rate,
    p.read_rate,
    p.avg_delivery_seconds,
    msgstatus.percentage((p.total_messages - b.total_messages), b.total_messages) AS total_messages_change,
    (p.delivery_rate - b.delivery_rate) AS delivery_rate_change,
    (p.read_rate - b.read_rate) AS read_rate_change
   FROM (p
     LEFT JOIN p b ON ((b.day = ((p.day - '1 day'::interval))::date)))
  ORDER BY p.day DESC;

CREATE VIEW msgstatus.delivery_funnel AS
 SELECT s.step,
    s.stage,
    s.messages,
    msgstatus.percentage(s.messages, f.created) AS percent_of_created,
    msgstatus.percentage(s.messages, s.before) AS percent_of_previous
   FROM ( SELECT sum(((r.messages - r.in_processing) - r.in_received)) AS created,
            sum(r.messages) AS total_messages,
            sum(r.sent) AS sent,
            sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
            sum((r.in_read + r.in_played)) AS read,
            sum((r.in_failed + r.in_undelivered)) AS failed,
            sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted
           FROM msgstatus.hour_rollup r
          WHERE (r.hour >= (date_trunc('hour'::text, now(), 'UTC'::text) - '720:00:00'::interval))) f,
    LATERAL ( VALUES (1,'created'::text,COALESCE(f.created, (0)::bigint),NULL::bigint), (2,'sent'::text,COALESCE(f.sent, (0)::bigint),f.created), (3,'delivered'::text,COALESCE(f.delivered, (0)::bigint),f.sent), (4,'read'::text,COALESCE(f.read, (0)::bigint),f.delivered)) s(step, stage, messages, before)
  ORDER BY s.step;

CREATE VIEW msgstatus.delivery_rates AS
 SELECT p.period,
    p.since,
    n.total_messages,
    n.sent,
    n.delivered,
    n.read,
    n.failed,
    msgstatus.percentage(n.delivered, n.attempted) AS delivery_rate,
    msgstatus.percentage(b.delivered, b.attempted) AS previous_delivery_rate,
    (msgstatus.percentage(n.delivered, n.attempted) - msgstatus.percentage(b.delivered, b.attempted)) AS delivery_rate_change,
    msgstatus.percentage(n.read, n.delivered) AS read_rate,
    msgstatus.percentage(b.read, b.delivered) AS previous_read_rate,
    (msgstatus.percentage(n.read, n.delivered) - msgstatus.percentage(b.read, b.delivered)) AS read_rate_change
   FROM ( SELECT v.period,
            v.length,
            (date_trunc('hour'::text, now(), 'UTC'::text) - v.length) AS since
           FROM ( VALUES ('last hour'::text,'01:00:00'::interval), ('last 24 hours'::text,'24:00:00'::interval), ('last 7 days'::text,'168:00:00'::interval), ('last 30 days'::text,'720:00:00'::interval)) v(period, length)) p,
    LATERAL ( SELECT sum(r.messages) AS total_messages,
            sum(r.sent) AS sent,
            sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
            sum((r.in_read + r.in_played)) AS read,
            sum((r.in_failed + r.in_undelivered)) AS failed,
            sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted
           FROM msgstatus.hour_rollup r
          WHERE (r.hour >= p.since)) n,
    LATERAL ( SELECT sum(r.messages) AS total_messages,
            sum(r.sent) AS sent,
            sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
            sum((r.in_read + r.in_played)) AS read,
            sum((r.in_failed + r.in_undelivered)) AS failed,
            sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted
           FROM msgstatus.hour_rollup r
          WHERE ((r.hour >= (p.since - p.length)) AND (r.hour < p.since))) b
  ORDER BY p.length;

CREATE TABLE msgstatus.failure_rollup (
    hour timestamp with time zone NOT NULL,
    provider text COLLATE pg_catalog."C",
    error_code integer,
    slot integer NOT NULL,
    messages integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY msgstatus.failure_rollup REPLICA IDENTITY FULL;

CREATE VIEW msgstatus.failure_breakdown AS
 SELECT f.provider,
    f.error_code,
    c.meaning,
    c.retryable,
    c.advice,
    f.failed,
    msgstatus.percentage(f.failed, (sum(f.failed) OVER ())::bigint) AS percent,
    f.failed_last_day,
    f.failed_day_before
   FROM (( SELECT r.provider,
            r.error_code,
            sum(r.messages) AS failed,
            COALESCE(sum(r.messages) FILTER (WHERE (r.hour >= (date_trunc('hour'::text, now(), 'UTC'::text) - '24:00:00'::interval))), (0)::bigint) AS failed_last_day,
            COALESCE(sum(r.messages) FILTER (WHERE ((r.hour < (date_trunc('hour'::text, now(), 'UTC'::text) - '24:00:00'::interval)) AND (r.hour >= (date_trunc('hour'::text, now(), 'UTC'::text) - '48:00:00'::interval)))), (0)::bigint) AS failed_day_before
           FROM msgstatus.failure_rollup r
          WHERE (r.hour >= (date_trunc('hour'::text, now(), 'UTC'::text) - '720:00:00'::interval))
          GROUP BY r.provider, r.error_code
         HAVING (sum(r.messages) > 0)) f
     LEFT JOIN msgstatus.error_code_catalog c ON (((c.code = f.error_code) AND (c.provider =
        CASE f.provider
            WHEN 'twilio'::text THEN 'twilio'::text
            ELSE 'meta'::text
        END))))
  ORDER BY f.failed DESC, f.provider, f.error_code;

CREATE VIEW msgstatus.hourly_message_volume AS
 SELECT h.hour,
    h.total_messages,
    h.inbound,
    h.sent,
    h.delivered,
    h.read,
    h.failed
   FROM ( SELECT r.hour,
            sum((r.in_processing + r.in_received)) AS inbound,
            sum(r.messages) AS total_messages,
            sum(r.sent) AS sent,
            sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
            sum((r.in_read + r.in_played)) AS read,
            sum((r.in_failed + r.in_undelivered)) AS failed,
            sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted
           FROM msgstatus.hour_rollup r
          GROUP BY r.hour
         HAVING (sum(r.messages) > 0)) h
  ORDER BY h.hour DESC;

CREATE TABLE msgstatus.installation (
    version text NOT NULL,
    installed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY msgstatus.installation REPLICA IDENTITY FULL;

CREATE TABLE msgstatus.maintenance (
    messages_kept interval,
    events_kept interval,
    rejected_kept interval,
    recipients_kept interval DEFAULT '35 days'::interval NOT NULL,
    purged_before timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT maintenance_events_kept_check CHECK ((events_kept > '00:00:00'::interval)),
    CONSTRAINT maintenance_messages_kept_check CHECK ((messages_kept > '00:00:00'::interval)),
    CONSTRAINT maintenance_recipients_kept_check CHECK ((recipients_kept >= '00:00:00'::interval)),
    CONSTRAINT maintenance_rejected_kept_check CHECK ((rejected_kept > '00:00:00'::interval))
);

ALTER TABLE ONLY msgstatus.maintenance REPLICA IDENTITY FULL;

CREATE VIEW msgstatus.message_status_dashboard AS
 SELECT d.date,
    d.total_messages,
    d.sent,
    d.delivered,
    d.read,
    d.failed,
    msgstatus.percentage(d.delivered, d.attempted) AS delivery_rate,
    msgstatus.percentage(d.read, d.delivered) AS read_rate,
    msgstatus.seconds(msgstatus.average(d.delivery)) AS avg_delivery_seconds,
    msgstatus.percentile_seconds(d.delivery, (0.5)::double precision) AS p50_delivery_seconds,
    msgstatus.percentile_seconds(d.delivery, (0.95)::double precision) AS p95_delivery_seconds,
    msgstatus.percentile_seconds(d.delivery, (0.99)::double precision) AS p99_delivery_seconds,
    msgstatus.seconds(msgstatus.average(d.reading)) AS avg_read_seconds
   FROM ( SELECT (r.hour)::date AS date,
            sum(r.messages) AS total_messages,
            sum(r.sent) AS sent,
            sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
            sum((r.in_read + r.in_played)) AS read,
            sum((r.in_failed + r.in_undelivered)) AS failed,
            sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted,
            msgstatus.sum(r.delivery) AS delivery,
            msgstatus.sum(r.reading) AS reading
           FROM msgstatus.hour_rollup r
          GROUP BY ((r.hour)::date)
         HAVING (sum(r.messages) > 0)) d
  ORDER BY d.date DESC;

CREATE VIEW msgstatus.message_timeline WITH (security_barrier='true') AS
 SELECT msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), m.message_id) AS message_id,
    m.provider,
    m.direction,
    msgstatus.mask_address(m.sender) AS sender,
    msgstatus.mask_address(m.recipient) AS recipient,
    m.message_type,
    msgstatus.state(m.status) AS state,
    msgstatus.reached_at(m.status, 'sent'::msgstatus.delivery_state) AS sent_at,
    msgstatus.reached_at(m.status, 'delivered'::msgstatus.delivery_state) AS delivered_at,
    msgstatus.reached_at(m.status, 'read'::msgstatus.delivery_state) AS read_at,
    LEAST(msgstatus.reached_at(m.status, 'failed'::msgstatus.delivery_state), msgstatus.reached_at(m.status, 'undelivered'::msgstatus.delivery_state)) AS failed_at,
    msgstatus.observed_at(m.status, 'received'::msgstatus.delivery_state) AS incoming_at,
    m.error_code,
    msgstatus.mask_numbers(m.error_title) AS error_title,
    c.meaning AS error_meaning,
    c.retryable AS error_retryable,
    m.created_at,
    m.updated_at
   FROM (msgstatus.message m
     LEFT JOIN msgstatus.error_code_catalog c ON (((c.code = m.error_code) AND (c.provider =
        CASE m.provider
            WHEN 'twilio'::text THEN 'twilio'::text
            ELSE 'meta'::text
        END))))
  WHERE (( SELECT msgstatus.sees_all(VARIADIC ARRAY['msgstatus.message'::regclass]) AS sees_all) IS NOT NULL);

CREATE VIEW msgstatus.monthly_summary AS
 WITH p AS (
         SELECT s.month,
            s.total_messages,
            s.sent,
            s.delivered,
            s.read,
            s.failed,
            msgstatus.percentage(s.delivered, s.attempted) AS delivery_rate,
            msgstatus.percentage(s.read, s.delivered) AS read_rate,
            msgstatus.seconds(msgstatus.average(s.delivery)) AS avg_delivery_seconds
           FROM ( SELECT (date_trunc('month'::text, r.hour))::date AS month,
                    sum(r.messages) AS total_messages,
                    sum(r.sent) AS sent,
                    sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
                    sum((r.in_read + r.in_played)) AS read,
                    sum((r.in_failed + r.in_undelivered)) AS failed,
                    sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted,
                    msgstatus.sum(r.delivery) AS delivery
                   FROM msgstatus.hour_rollup r
                  GROUP BY ((date_trunc('month'::text, r.hour))::date)
                 HAVING (sum(r.messages) > 0)) s
        )
 SELECT p.month,
    p.total_messages,
    p.sent,
    p.delivered,
    p.read,
    p.failed,
    p.delivery_rate,
    p.read_rate,
    p.avg_delivery_seconds,
    msgstatus.percentage((p.total_messages - b.total_messages), b.total_messages) AS total_messages_change,
    (p.delivery_rate - b.delivery_rate) AS delivery_rate_change,
    (p.read_rate - b.read_rate) AS read_rate_change
   FROM (p
     LEFT JOIN p b ON ((b.month = ((p.month - '1 mon'::interval))::date)))
  ORDER BY p.month DESC;

CREATE TABLE msgstatus.opt_out (
    phone_number text NOT NULL COLLATE pg_catalog."C",
    reason text,
    opted_out_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE msgstatus.recipient_day (
    day date NOT NULL,
    counted_before timestamp with time zone NOT NULL,
    messages bigint NOT NULL,
    recipients bigint NOT NULL,
    "least" integer DEFAULT 1 NOT NULL
);

CREATE VIEW msgstatus.recipient_engagement AS
 SELECT msgstatus.mask_address(e.recipient) AS recipient,
    e.messages,
    e.delivered,
    e.read,
    e.read_rate,
    e.avg_read_seconds,
    e.last_read_at
   FROM msgstatus.recipient_engagement() e(recipient, messages, delivered, read, read_rate, avg_read_seconds, last_read_at);

CREATE TABLE msgstatus.recipient_rollup (
    day date NOT NULL,
    recipient text NOT NULL COLLATE pg_catalog."C",
    messages integer NOT NULL
);

CREATE TABLE msgstatus.rejected_status (
    rejected_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    source text,
    provider text,
    sender text,
    reason text NOT NULL,
    payload jsonb,
    body text,
    rejected_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT rejected_status_check CHECK (((payload IS NOT NULL) OR (body IS NOT NULL)))
);

ALTER TABLE msgstatus.rejected_status ALTER COLUMN rejected_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME msgstatus.rejected_status_rejected_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW msgstatus.rejected_summary WITH (security_barrier='true') AS
 SELECT msgstatus.mask_numbers(r.reason) AS reason,
    msgstatus.mask_numbers(r.source) AS source,
    r.provider,
    count(*) AS rejected,
    min(r.received_at) AS first_received_at,
    max(r.received_at) AS last_received_at
   FROM msgstatus.rejected_status r
  WHERE (( SELECT msgstatus.sees_all(VARIADIC ARRAY['msgstatus.rejected_status'::regclass]) AS sees_all) IS NOT NULL)
  GROUP BY (msgstatus.mask_numbers(r.reason)), (msgstatus.mask_numbers(r.source)), r.provider;

CREATE VIEW msgstatus.status_distribution AS
 SELECT s.state,
    r.message_type,
    r.provider,
    s.messages,
    msgstatus.percentage(s.messages, (sum(s.messages) OVER ())::bigint) AS percent
   FROM ( SELECT r_1.message_type,
            r_1.provider,
            sum(r_1.messages) AS messages,
            sum(r_1.in_processing) AS in_processing,
            sum(r_1.in_received) AS in_received,
            sum(r_1.in_pending) AS in_pending,
            sum(r_1.in_scheduled) AS in_scheduled,
            sum(r_1.in_accepted) AS in_accepted,
            sum(r_1.in_queued) AS in_queued,
            sum(r_1.in_sending) AS in_sending,
            sum(r_1.in_sent) AS in_sent,
            sum(r_1.in_partially_delivered) AS in_partially_delivered,
            sum(r_1.in_skipped) AS in_skipped,
            sum(r_1.in_canceled) AS in_canceled,
            sum(r_1.in_failed) AS in_failed,
            sum(r_1.in_undelivered) AS in_undelivered,
            sum(r_1.in_delivered) AS in_delivered,
            sum(r_1.in_read) AS in_read,
            sum(r_1.in_played) AS in_played
           FROM msgstatus.message_rollup r_1
          WHERE (r_1.hour >= (date_trunc('hour'::text, now(), 'UTC'::text) - '720:00:00'::interval))
          GROUP BY r_1.message_type, r_1.provider) r,
    LATERAL ( VALUES ('processing'::msgstatus.delivery_state,r.in_processing), ('received'::msgstatus.delivery_state,r.in_received), ('pending'::msgstatus.delivery_state,r.in_pending), ('scheduled'::msgstatus.delivery_state,r.in_scheduled), ('accepted'::msgstatus.delivery_state,r.in_accepted), ('queued'::msgstatus.delivery_state,r.in_queued), ('sending'::msgstatus.delivery_state,r.in_sending), ('sent'::msgstatus.delivery_state,r.in_sent), ('partially_delivered'::msgstatus.delivery_state,r.in_partially_delivered), ('skipped'::msgstatus.delivery_state,r.in_skipped), ('canceled'::msgstatus.delivery_state,r.in_canceled), ('failed'::msgstatus.delivery_state,r.in_failed), ('undelivered'::msgstatus.delivery_state,r.in_undelivered), ('delivered'::msgstatus.delivery_state,r.in_delivered), ('read'::msgstatus.delivery_state,r.in_read), ('played'::msgstatus.delivery_state,r.in_played), (NULL::msgstatus.delivery_state,((((((((((((((((r.messages - r.in_processing) - r.in_received) - r.in_pending) - r.in_scheduled) - r.in_accepted) - r.in_queued) - r.in_sending) - r.in_sent) - r.in_partially_delivered) - r.in_skipped) - r.in_canceled) - r.in_failed) - r.in_undelivered) - r.in_delivered) - r.in_read) - r.in_played))) s(state, messages)
  WHERE (s.messages > 0)
  ORDER BY s.messages DESC, s.state, r.message_type, r.provider;

CREATE TABLE msgstatus.status_event (
    message_id text NOT NULL COLLATE pg_catalog."C",
    state msgstatus.delivery_state NOT NULL,
    event_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    fingerprint bigint NOT NULL,
    digest integer NOT NULL,
    time_source text NOT NULL COLLATE pg_catalog."C",
    source text COLLATE pg_catalog."C",
    participant text COLLATE pg_catalog."C",
    error_code integer,
    error_title text COLLATE pg_catalog."C",
    error_details text COLLATE pg_catalog."C",
    detail jsonb
)
PARTITION BY RANGE (received_at);

ALTER TABLE ONLY msgstatus.status_event REPLICA IDENTITY FULL;

CREATE VIEW msgstatus.stuck_messages AS
 SELECT m.message_id,
    m.provider,
    msgstatus.mask_address(m.sender) AS sender,
    msgstatus.mask_address(m.recipient) AS recipient,
    m.message_type,
    m.campaign_id,
    (now() - m.created_at) AS age,
    m.created_at
   FROM msgstatus.stuck_messages(page_size => NULL::bigint) m(message_id, provider, direction, sender, recipient, message_type, campaign_id, state, sent_at, delivered_at, read_at, failed_at, error_code, error_title, created_at, updated_at, page_cursor);

CREATE VIEW msgstatus.undelivered_messages WITH (security_barrier='true') AS
 SELECT msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), m.message_id) AS message_id,
    m.provider,
    msgstatus.mask_address(m.sender) AS sender,
    msgstatus.mask_address(m.recipient) AS recipient,
    m.message_type,
    m.campaign_id,
    msgstatus.state(m.status) AS state,
    msgstatus.reached_at(m.status, 'sent'::msgstatus.delivery_state) AS sent_at,
    (now() - LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent'::msgstatus.delivery_state))) AS age,
    m.created_at
   FROM msgstatus.message m
  WHERE ((( SELECT msgstatus.sees_all(VARIADIC ARRAY['msgstatus.message'::regclass]) AS sees_all) IS NOT NULL) AND (msgstatus.state(m.status) >= 'accepted'::msgstatus.delivery_state) AND (msgstatus.state(m.status) <= 'sent'::msgstatus.delivery_state) AND (LEAST(m.created_at, msgstatus.reached_at(m.status, 'sent'::msgstatus.delivery_state)) <= (now() - '00:05:00'::interval)))
  ORDER BY m.created_at DESC, (msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), m.message_id));

CREATE VIEW msgstatus.unread_messages WITH (security_barrier='true') AS
 SELECT msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), m.message_id) AS message_id,
    m.provider,
    msgstatus.mask_address(m.sender) AS sender,
    msgstatus.mask_address(m.recipient) AS recipient,
    m.message_type,
    m.campaign_id,
    msgstatus.reached_at(m.status, 'sent'::msgstatus.delivery_state) AS sent_at,
    msgstatus.reached_at(m.status, 'delivered'::msgstatus.delivery_state) AS delivered_at,
    (now() - msgstatus.reached_at(m.status, 'delivered'::msgstatus.delivery_state)) AS age,
    m.created_at
   FROM msgstatus.message m
  WHERE ((( SELECT msgstatus.sees_all(VARIADIC ARRAY['msgstatus.message'::regclass]) AS sees_all) IS NOT NULL) AND (msgstatus.state(m.status) = 'delivered'::msgstatus.delivery_state) AND (msgstatus.reached_at(m.status, 'delivered'::msgstatus.delivery_state) <= (now() - '1 day'::interval)))
  ORDER BY m.created_at DESC, (msgstatus.shown_id(( SELECT k.key
           FROM msgstatus.id_key k), m.message_id));

CREATE VIEW msgstatus.weekly_summary AS
 WITH p AS (
         SELECT s.week,
            s.total_messages,
            s.sent,
            s.delivered,
            s.read,
            s.failed,
            msgstatus.percentage(s.delivered, s.attempted) AS delivery_rate,
            msgstatus.percentage(s.read, s.delivered) AS read_rate,
            msgstatus.seconds(msgstatus.average(s.delivery)) AS avg_delivery_seconds
           FROM ( SELECT (date_trunc('week'::text, r.hour))::date AS week,
                    sum(r.messages) AS total_messages,
                    sum(r.sent) AS sent,
                    sum(((r.in_delivered + r.in_read) + r.in_played)) AS delivered,
                    sum((r.in_read + r.in_played)) AS read,
                    sum((r.in_failed + r.in_undelivered)) AS failed,
                    sum(((((((r.in_sent + r.in_partially_delivered) + r.in_failed) + r.in_undelivered) + r.in_delivered) + r.in_read) + r.in_played)) AS attempted,
                    msgstatus.sum(r.delivery) AS delivery
                   FROM msgstatus.hour_rollup r
                  GROUP BY ((date_trunc('week'::text, r.hour))::date)
                 HAVING (sum(r.messages) > 0)) s
        )
 SELECT p.week,
    p.total_messages,
    p.sent,
    p.delivered,
    p.read,
    p.failed,
    p.delivery_rate,
    p.read_rate,
    p.avg_delivery_seconds,
    msgstatus.percentage((p.total_messages - b.total_messages), b.total_messages) AS total_messages_change,
    (p.delivery_rate - b.delivery_rate) AS delivery_rate_change,
    (p.read_rate - b.read_rate) AS read_rate_change
   FROM (p
     LEFT JOIN p b ON ((b.week = ((p.week - '7 days'::interval))::date)))
  ORDER BY p.week DESC;

ALTER TABLE ONLY msgstatus.alert_rule
    ADD CONSTRAINT alert_rule_pkey PRIMARY KEY (name);

ALTER TABLE ONLY msgstatus.alert_state
    ADD CONSTRAINT alert_state_pkey PRIMARY KEY (name, subject);

ALTER TABLE ONLY msgstatus.attached_table_failure
    ADD CONSTRAINT attached_table_failure_pkey PRIMARY KEY (attached_table_id, message_id);

ALTER TABLE ONLY msgstatus.attached_table
    ADD CONSTRAINT attached_table_pkey PRIMARY KEY (attached_table_id);

ALTER TABLE ONLY msgstatus.attached_table
    ADD CONSTRAINT attached_table_target_key_column_key UNIQUE (target, key_column);

ALTER TABLE ONLY msgstatus.campaign_attempt
    ADD CONSTRAINT campaign_attempt_message_id_key UNIQUE (message_id);

ALTER TABLE ONLY msgstatus.campaign_attempt
    ADD CONSTRAINT campaign_attempt_pkey PRIMARY KEY (recipient_id, attempt);

ALTER TABLE ONLY msgstatus.campaign_day
    ADD CONSTRAINT campaign_day_pkey PRIMARY KEY (campaign_id, day);

ALTER TABLE ONLY msgstatus.campaign
    ADD CONSTRAINT campaign_owner_name_key UNIQUE (owner, name);

ALTER TABLE ONLY msgstatus.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (campaign_id);

ALTER TABLE ONLY msgstatus.campaign_recipient
    ADD CONSTRAINT campaign_recipient_campaign_id_phone_number_key UNIQUE (campaign_id, phone_number);

ALTER TABLE ONLY msgstatus.campaign_recipient
    ADD CONSTRAINT campaign_recipient_pkey PRIMARY KEY (recipient_id);

ALTER TABLE ONLY msgstatus.content_setting
    ADD CONSTRAINT content_setting_pkey PRIMARY KEY (provider);

ALTER TABLE ONLY msgstatus.error_code_catalog
    ADD CONSTRAINT error_code_catalog_pkey PRIMARY KEY (provider, code);

ALTER TABLE ONLY msgstatus.folded_hour
    ADD CONSTRAINT folded_hour_pkey PRIMARY KEY (hour);

ALTER TABLE ONLY msgstatus.id_key
    ADD CONSTRAINT id_key_pkey PRIMARY KEY (is_the_one);

ALTER TABLE ONLY msgstatus.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY msgstatus.opt_out
    ADD CONSTRAINT opt_out_pkey PRIMARY KEY (phone_number);

ALTER TABLE ONLY msgstatus.recipient_day
    ADD CONSTRAINT recipient_day_pkey PRIMARY KEY (day);

ALTER TABLE ONLY msgstatus.recipient_rollup
    ADD CONSTRAINT recipient_rollup_pkey PRIMARY KEY (day, recipient);

ALTER TABLE ONLY msgstatus.rejected_status
    ADD CONSTRAINT rejected_status_pkey PRIMARY KEY (rejected_id);

CREATE INDEX campaign_attempt_campaign ON msgstatus.campaign_attempt USING btree (campaign_id);

COMMENT ON INDEX msgstatus.campaign_attempt_campaign IS 'Finds the attempts of one campaign';

CREATE INDEX campaign_recipient_due ON msgstatus.campaign_recipient USING btree (campaign_id, due_at) WHERE (due_at IS NOT NULL);

COMMENT ON INDEX msgstatus.campaign_recipient_due IS 'Finds recipients whose retry is due or whose lease has expired';

CREATE UNIQUE INDEX campaign_recipient_message ON msgstatus.campaign_recipient USING btree (message_id) WHERE (message_id IS NOT NULL);

COMMENT ON INDEX msgstatus.campaign_recipient_message IS 'Allows a message for one recipient only';

CREATE INDEX campaign_recipient_to_check ON msgstatus.campaign_recipient USING btree (campaign_id, check_at) WHERE (check_at IS NOT NULL);

COMMENT ON INDEX msgstatus.campaign_recipient_to_check IS 'Finds recipients whose message may have failed meanwhile';

CREATE INDEX campaign_recipient_waiting ON msgstatus.campaign_recipient USING btree (campaign_id, scheduled_send_date, recipient_number) WHERE waiting;

COMMENT ON INDEX msgstatus.campaign_recipient_waiting IS 'Finds recipients whose first send is due';

CREATE UNIQUE INDEX failure_rollup_key ON msgstatus.failure_rollup USING btree (hour, provider, error_code, slot) NULLS NOT DISTINCT;

COMMENT ON INDEX msgstatus.failure_rollup_key IS 'One row for each combination and slot';

CREATE UNIQUE INDEX installation_is_one_row ON msgstatus.installation USING btree ((true));

COMMENT ON INDEX msgstatus.installation_is_one_row IS 'Limits the table to one row';

CREATE UNIQUE INDEX maintenance_is_one_row ON msgstatus.maintenance USING btree ((true));

COMMENT ON INDEX msgstatus.maintenance_is_one_row IS 'Limits the table to one row';

CREATE INDEX message_campaign_id ON msgstatus.message USING btree (campaign_id, created_at) WHERE (campaign_id IS NOT NULL);

COMMENT ON INDEX msgstatus.message_campaign_id IS 'Messages of a campaign';

CREATE INDEX message_created_at ON msgstatus.message USING btree (created_at);

COMMENT ON INDEX msgstatus.message_created_at IS 'Messages by time';

CREATE INDEX message_message_type ON msgstatus.message USING btree (message_type, created_at) WHERE (message_type IS NOT NULL);

COMMENT ON INDEX msgstatus.message_message_type IS 'Messages of a type, for those that are rare';

CREATE INDEX message_recipient ON msgstatus.message USING btree (recipient, created_at) WHERE (recipient IS NOT NULL);

COMMENT ON INDEX msgstatus.message_recipient IS 'Messages of a recipient, or of those that begin alike';

CREATE UNIQUE INDEX message_rollup_key ON msgstatus.message_rollup USING btree (hour, provider, sender, message_type, direction, campaign_id, slot) NULLS NOT DISTINCT;

COMMENT ON INDEX msgstatus.message_rollup_key IS 'One row for each combination and slot';

CREATE INDEX message_rollup_unfolded ON msgstatus.message_rollup USING btree (hour) WHERE (slot > 0);

COMMENT ON INDEX msgstatus.message_rollup_unfolded IS 'The rows that are not in folded_hour yet';

CREATE INDEX recipient_rollup_top ON msgstatus.recipient_rollup USING btree (day, messages DESC, recipient);

COMMENT ON INDEX msgstatus.recipient_rollup_top IS 'The recipients of a day, those with most messages first';

CREATE INDEX rejected_status_rejected_at ON msgstatus.rejected_status USING btree (rejected_at);

COMMENT ON INDEX msgstatus.rejected_status_rejected_at IS 'Dead letters by time';

CREATE INDEX status_event_message_id ON ONLY msgstatus.status_event USING hash (message_id);

COMMENT ON INDEX msgstatus.status_event_message_id IS 'The trail of a message';

CREATE STATISTICS msgstatus.message_state ON msgstatus.state(status) FROM msgstatus.message;

COMMENT ON STATISTICS msgstatus.message_state IS 'How many messages are in which state, for the planner';

CREATE OR REPLACE VIEW msgstatus.campaign_stats AS
 SELECT n.campaign_id,
    n.campaign_name,
    n.status,
    n.total_target,
    n.pending,
    n.sent,
    n.delivered,
    n.read,
    n.failed,
    n.skipped,
    round(((100.0 * ((n.total_target - n.pending))::numeric) / (NULLIF(n.total_target, 0))::numeric), 2) AS progress_percentage,
    round(((100.0 * (n.delivered)::numeric) / (NULLIF(n.sent, 0))::numeric), 2) AS delivery_rate,
    round(((100.0 * (n.read)::numeric) / (NULLIF(n.delivered, 0))::numeric), 2) AS read_rate
   FROM ( SELECT c.campaign_id,
            c.name AS campaign_name,
            c.status,
            count(s.recipient_id) AS total_target,
            count(*) FILTER (WHERE (s.state = 'pending'::text)) AS pending,
            count(s.sent_at) AS sent,
            count(s.delivered_at) AS delivered,
            count(s.read_at) AS read,
            count(*) FILTER (WHERE (s.state = 'failed'::text)) AS failed,
            count(*) FILTER (WHERE (s.state = 'skipped'::text)) AS skipped
           FROM (msgstatus.campaign c
             LEFT JOIN msgstatus.campaign_recipient_status s ON ((s.campaign_id = c.campaign_id)))
          GROUP BY c.campaign_id) n;

CREATE TRIGGER announce AFTER INSERT OR DELETE OR UPDATE ON msgstatus.attached_table FOR EACH STATEMENT EXECUTE FUNCTION msgstatus.announce_attached_tables();

ALTER TABLE ONLY msgstatus.attached_table_failure
    ADD CONSTRAINT attached_table_failure_attached_table_id_fkey FOREIGN KEY (attached_table_id) REFERENCES msgstatus.attached_table(attached_table_id) ON DELETE CASCADE;

ALTER TABLE ONLY msgstatus.campaign_attempt
    ADD CONSTRAINT campaign_attempt_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES msgstatus.campaign_recipient(recipient_id) ON DELETE CASCADE;

ALTER TABLE ONLY msgstatus.campaign_day
    ADD CONSTRAINT campaign_day_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES msgstatus.campaign(campaign_id) ON DELETE CASCADE;

ALTER TABLE ONLY msgstatus.campaign_recipient
    ADD CONSTRAINT campaign_recipient_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES msgstatus.campaign(campaign_id) ON DELETE CASCADE;
