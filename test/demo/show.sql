\pset pager off
\pset footer off
\pset null '-'
SET timezone = 'UTC';
SET datestyle = 'ISO';

\echo 'msgstatus.message_timeline: one row per message, its state the highest ever seen, however late or often it was told.'
\echo 'ORDER1001 was told read, then sent, never delivered: a message that was read was delivered, so the time stands there.'
\echo 'The failed ones stay failed, although queued or sent came afterwards. Phone numbers are masked.'
\echo
SELECT right(message_id, 9) AS message, provider, recipient, state,
       to_char(sent_at, 'HH24:MI:SS') AS sent, to_char(delivered_at, 'HH24:MI:SS') AS delivered,
       to_char(read_at, 'HH24:MI:SS') AS read, to_char(failed_at, 'HH24:MI:SS') AS failed, error_code, error_title
FROM msgstatus.message_timeline
ORDER BY message_id;

\echo 'msgstatus.message_history: what was really observed of one message, and when we heard of it. Nothing inferred here;'
\echo 'the repeated read of 09-meta-read-again left no second row.'
\echo
SELECT state, event_time, received_at::timestamptz(0) AS received_at, source
FROM msgstatus.message_history('wamid.ORDER1001');

\echo 'msgstatus.rejected_summary: what could not be used is kept whole, with a reason, and can be applied again later. Its'
\echo 'neighbour in the same webhook was applied.'
\echo
SELECT rejected, provider, reason, first_received_at::timestamptz(0) FROM msgstatus.rejected_summary;
