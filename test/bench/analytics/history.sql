-- A history of messages: what happened to each, as a function of its number alone, so that both designs are filled with the same
-- and two sessions can share the work. Times lie in the 30 days before `until`.
--
-- Skewed as in earnest: more by day than by night, less on weekends; some recipients get thousands of messages and most a handful
-- (Zipf's law, its head flattened by 100); campaigns of two days; delays log-normal; 2 % never heard of again, 3 % failed.

CREATE SCHEMA history;

CREATE TABLE history.setting (messages bigint NOT NULL, until timestamptz NOT NULL);

-- The hours of the 30 days, and the share of the messages that come before the end of each.
CREATE TABLE history.hour (number integer PRIMARY KEY, beginning timestamptz NOT NULL, share_before float8 NOT NULL);

CREATE FUNCTION history.begin(messages bigint, until timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO history.setting VALUES (messages, until);
    INSERT INTO history.hour
    SELECT number, beginning, sum(weight) OVER (ORDER BY number) / sum(weight) OVER ()
    FROM (SELECT number, beginning, (1.05 - cos((extract(hour FROM beginning AT TIME ZONE 'UTC') - 2) / 24 * 2 * pi()))
                * CASE WHEN extract(isodow FROM beginning AT TIME ZONE 'UTC') > 5 THEN 0.6 ELSE 1 END AS weight
          FROM (SELECT number, until - interval '30 days' + number * interval '1 hour' AS beginning
                FROM generate_series(0, 719) AS number) AS h) AS w
$$;

-- Returns a number from 0 to 1, even and independent for each message and each purpose.
CREATE FUNCTION history.chance(number bigint, purpose integer) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((hashint8extended(number, purpose) & 281474976710655) + 0.5) / 281474976710656;

-- Returns a log-normal delay: half of the delays are shorter than the median, a sixth longer than `spread` times the median.
CREATE FUNCTION history.delay(number bigint, purpose integer, median_seconds float8, spread float8) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN median_seconds * exp(ln(spread) * sqrt(-2 * ln(history.chance(number, purpose)))
        * cos(2 * pi() * history.chance(number, purpose + 1000))) * interval '1 second';

-- Returns what happened to the messages of these numbers (from 1 on), in the order of their creation. Times after
-- the end of the history are NULL: that has not happened yet.
CREATE FUNCTION history.messages(first bigint, last bigint) RETURNS TABLE (
    number bigint, message_id text, provider text, direction text, sender text, recipient text, message_type text, campaign_id uuid,
    created_at timestamptz, sent_at timestamptz, delivered_at timestamptz, read_at timestamptz, failed_at timestamptz,
    received_at timestamptz, failure text, error_code integer)
    LANGUAGE sql STABLE AS $$
    WITH setting AS MATERIALIZED (
        SELECT s.messages, s.until, GREATEST(s.messages / 10, 1000)::float8 AS recipients,
            (SELECT array_agg(h.share_before ORDER BY h.number) FROM history.hour AS h) AS shares,
            (SELECT array_agg(h.beginning ORDER BY h.number) FROM history.hour AS h) AS beginnings
        FROM history.setting AS s
    ), drawn AS (
        SELECT n AS number, s.until,
            history.chance(n, 1) AS provider, history.chance(n, 2) AS sender, history.chance(n, 3) AS direction,
            history.chance(n, 4) AS type, history.chance(n, 5) AS campaign, history.chance(n, 6) AS fate, history.chance(n, 7) AS code,
            -- Log-uniform over the ranks is Zipf's law.
            floor((s.recipients + 100) ^ history.chance(n, 8) * 100 ^ (1 - history.chance(n, 8)) - 99)::bigint AS recipient,
            h.hour, s.beginnings[h.hour]
                + (h.share - COALESCE(s.shares[h.hour - 1], 0)) / (s.shares[h.hour] - COALESCE(s.shares[h.hour - 1], 0)) * interval '1 hour' AS created_at
        FROM generate_series(messages.first, messages.last) AS n, setting AS s,
            LATERAL (SELECT (n - history.chance(n, 9)) / s.messages AS share) AS u,
            LATERAL (SELECT u.share, width_bucket(u.share, s.shares) + 1 AS hour OFFSET 0) AS h
        OFFSET 0 -- here and below, so that each expression is computed once
    ), named AS (
        SELECT d.*, CASE WHEN d.provider < 0.7 THEN 'meta' WHEN d.provider < 0.9 THEN 'twilio' ELSE 'aisensy' END AS provider_name,
            d.direction < 0.08 AS inbound,
            '+4930' || CASE WHEN d.provider < 0.7 THEN 100000 + floor(d.sender * 4) WHEN d.provider < 0.9 THEN 200000 + floor(d.sender * 2)
                ELSE 300000 + floor(d.sender * 2) END AS business,
            '+49' || (15000000000 + (hashint8extended(d.recipient, 77) & 1073741823)) AS customer
        FROM drawn AS d
        OFFSET 0
    ), timed AS (
        SELECT n.*, n.created_at + history.delay(n.number, 11, 0.4, 2) AS sent, history.delay(n.number, 12, 3, 3) AS delivery,
            history.delay(n.number, 13, 900, 6) AS reading
        FROM named AS n
        OFFSET 0
    ), happened AS (
        SELECT n.*,
            CASE WHEN n.inbound THEN NULL WHEN n.fate < 0.02 THEN 'lost' WHEN n.fate < 0.05 THEN 'failed' WHEN n.fate < 0.40 THEN 'delivered' ELSE 'read' END AS end,
            n.sent + n.delivery AS delivered, n.sent + n.delivery + n.reading AS read
        FROM timed AS n
        OFFSET 0
    )
    SELECT h.number,
        CASE h.provider_name
            WHEN 'meta' THEN 'wamid.HBgM' || upper(left(md5(h.number::text) || md5(h.number::text || 'x'), 52))
            WHEN 'twilio' THEN 'SM' || md5(h.number::text)
            ELSE md5(h.number::text)::uuid::text
        END,
        h.provider_name, CASE WHEN h.inbound THEN 'inbound' ELSE 'outbound' END,
        CASE WHEN h.inbound THEN h.customer ELSE h.business END, CASE WHEN h.inbound THEN h.business ELSE h.customer END,
        CASE WHEN h.inbound THEN CASE WHEN h.type < 0.7 THEN 'text' WHEN h.type < 0.9 THEN 'image' ELSE 'audio' END
            WHEN h.type < 0.55 THEN 'template' WHEN h.type < 0.85 THEN 'text' WHEN h.type < 0.95 THEN 'image' ELSE 'document' END,
        CASE WHEN NOT h.inbound AND h.type < 0.55 AND h.campaign < 0.8
            THEN md5('campaign' || floor(extract(epoch FROM h.created_at) / 172800) || floor(h.campaign * 5))::uuid END,
        h.created_at,
        CASE WHEN NOT h.inbound AND h.sent <= h.until THEN date_trunc(p.precision, h.sent) END,
        CASE WHEN h.end IN ('delivered', 'read') AND h.delivered <= h.until THEN date_trunc(p.precision, h.delivered) END,
        CASE WHEN h.end = 'read' AND h.read <= h.until THEN date_trunc(p.precision, h.read) END,
        CASE WHEN h.end = 'failed' AND h.delivered <= h.until THEN date_trunc(p.precision, h.delivered) END,
        CASE WHEN h.inbound THEN date_trunc(p.precision, h.created_at) END,
        CASE WHEN h.end = 'failed' AND h.delivered <= h.until THEN CASE h.provider_name WHEN 'twilio' THEN 'undelivered' ELSE 'failed' END END,
        CASE WHEN h.end = 'failed' AND h.delivered <= h.until THEN
            CASE WHEN h.provider_name = 'twilio' THEN ('{30003,30003,30005,30006,30007,30008}'::integer[])[1 + floor(h.code * 6)]
                ELSE ('{131026,131026,131026,131047,131049,130472,131053,131056}'::integer[])[1 + floor(h.code * 8)] END END
    FROM happened AS h,
        -- Meta's times are whole seconds.
        LATERAL (SELECT CASE h.provider_name WHEN 'twilio' THEN 'milliseconds' ELSE 'second' END AS precision) AS p
$$;
