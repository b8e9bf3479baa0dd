-- Since PostgreSQL 16 an error in the text of a value can be caught without aborting the statement.
SET search_path = public, msgstatus;
SELECT current_setting('server_version_num')::integer >= 160000 AS soft_errors
\gset
\if :soft_errors
SELECT label, pg_input_is_valid(label, 'delivery_state') AS valid FROM unnest('{read,READ,dispatched,sunk,""," read"}'::text[]) AS label;
SELECT status, pg_input_is_valid(status, 'message_status') AS valid
FROM (VALUES ('{}'), ('{"sent": "2024-12-10T10:30:00Z"}'), (''), ('{"sent": 1}'), ('{"sunk": "2024-12-10T10:30:00Z"}'),
             ('{"sent": "soon"}'), ('{"sent": "infinity"}')) AS t (status);
SELECT histogram, pg_input_is_valid(histogram, 'delay_histogram') AS valid
FROM (VALUES ('{}'), ('{"sum": 1, "buckets": {"1000": 1}}'), (''), ('{"sum": 1, "buckets": {"1001": 1}}'), ('{"sum": 1e50, "buckets": {}}')) AS t (histogram);
SELECT message, sql_error_code FROM pg_input_error_info('{"sum": 1, "buckets": {"1001": 1}}', 'delay_histogram');
SELECT message, hint, sql_error_code FROM pg_input_error_info('sunk', 'delivery_state');
SELECT message, hint, sql_error_code FROM pg_input_error_info('[]', 'message_status');
SELECT message, hint, sql_error_code FROM pg_input_error_info('{"sunk": "2024-12-10T10:30:00Z"}', 'message_status');
SELECT message, hint, sql_error_code FROM pg_input_error_info('{"sent": "soon"}', 'message_status');
\else
\echo no soft errors before PostgreSQL 16
\endif
