-- What a status takes in a row, header included: three observed states at most 28 bytes.
SET search_path = public, msgstatus;

CREATE TABLE stored (states integer, status message_status);
INSERT INTO stored SELECT 0, '{}';
INSERT INTO stored
SELECT n, (SELECT merge_agg(message_status(s, '2024-12-10 10:30:00.123456+00'))
           FROM unnest('{queued,sent,delivered,read,played,failed,undelivered,accepted,scheduled,pending,sending,skipped,
                         canceled,processing,received,partially_delivered}'::delivery_state[]) WITH ORDINALITY AS t (s, i)
           WHERE i <= n)
FROM generate_series(1, 16) AS n;
SELECT states, pg_column_size(status) AS bytes FROM stored ORDER BY states;
SELECT max(pg_column_size(status)) <= 28 AS "three states fit" FROM stored WHERE states <= 3;

-- The same whichever way the value was made: by input, merge, aggregate, cast, array, COPY.
CREATE TABLE made (way text, status message_status);
INSERT INTO made VALUES
    ('input', '{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z", "read": "2024-12-10T10:31:00Z"}'),
    ('merge', message_status('sent', '2024-12-10 10:30:00+00') || message_status('delivered', '2024-12-10 10:30:05+00')
              || message_status('read', '2024-12-10 10:31:00+00')),
    ('cast', jsonb '{"read": "2024-12-10T10:31:00Z", "sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z"}'::message_status),
    ('array', (ARRAY['{"sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z", "read": "2024-12-10T10:31:00Z"}'::message_status])[1]);
INSERT INTO made SELECT 'aggregate', merge_agg(status) FROM made;
INSERT INTO made SELECT 'parts', message_status('sent', min(status -> 'sent')) || '{"read": "2024-12-10T10:31:00Z"}'
                                 || '{"delivered": "2024-12-10T10:30:05Z"}' FROM made;
COPY made FROM STDIN;
copy	{"read": "2024-12-10T10:31:00Z", "sent": "2024-12-10T10:30:00Z", "delivered": "2024-12-10T10:30:05Z"}
\.
SELECT way, pg_column_size(status) FROM made ORDER BY way;
SELECT count(DISTINCT status), count(DISTINCT message_status_send(status)), count(DISTINCT status::text),
       count(DISTINCT message_status_hash(status)) FROM made;

-- The binary form: version, set of states, times in microseconds since 2000, all in network byte order.
SELECT message_status_send('{}'), message_status_send('{"processing": "2000-01-01T00:00:00.000001Z"}'),
       message_status_send('{"played": "1999-12-31T23:59:59.999999Z"}');

-- A status with all sixteen states, whose header is long, in a table that puts it out of line.
CREATE TABLE wide (status message_status, filler text);
ALTER TABLE wide ALTER status SET STORAGE external, ALTER filler SET STORAGE external;
ALTER TABLE wide SET (toast_tuple_target = 128);
INSERT INTO wide SELECT status, repeat('x', 3000) FROM stored;
SELECT count(*) FROM stored AS s JOIN wide AS w ON s.status = w.status AND s.status <@ w.status AND w.status @> s.status
    AND (s.status || w.status)::text = w.status::text AND message_status_hash(s.status) = message_status_hash(w.status)
    AND state(s.status) IS NOT DISTINCT FROM state(w.status) AND s.status::jsonb = w.status::jsonb;

DROP TABLE stored, made, wide;
