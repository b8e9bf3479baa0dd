-- The last file of the script: revokes what PostgreSQL grants to PUBLIC by default. grant_access() grants each role what its
-- level needs.

REVOKE ALL ON ALL ROUTINES IN SCHEMA msgstatus FROM PUBLIC;
REVOKE ALL ON FUNCTION pg_catalog.max(msgstatus.delivery_state), pg_catalog.min(msgstatus.delivery_state) FROM PUBLIC;
REVOKE ALL ON TYPE msgstatus.delivery_state, msgstatus.message_status, msgstatus.delay_histogram, msgstatus.observation,
    msgstatus.message_change, msgstatus.rejection, msgstatus.rollup_row, msgstatus.prefix_count, msgstatus.reflection,
    msgstatus.message_filter, msgstatus.message_log_row, msgstatus.log_position, msgstatus.message_stats_row, msgstatus.send_hour_row,
    msgstatus.engagement_row, msgstatus.alert_sender, msgstatus.alert_condition, msgstatus.alert_reading, msgstatus.alert_row, msgstatus.alert_count_row,
    msgstatus.refresh_request, msgstatus.weblog_request, msgstatus.weblog_counts FROM PUBLIC;
