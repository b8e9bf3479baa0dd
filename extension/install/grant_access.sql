-- grant_access(): the five levels of access and the privileges of each.

CREATE FUNCTION msgstatus.grant_access(role regrole, level text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    object text;
BEGIN
    PERFORM msgstatus.check_installation();
    IF level NOT IN ('ingest', 'sender', 'refresh', 'analyst', 'operator') OR level IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown level "%s"', level),
            HINT = 'The levels are ingest, sender, refresh, analyst and operator.';
    END IF;
    -- Revokes the earlier level of the role first.
    FOR object IN
        SELECT DISTINCT 'TABLE ' || c.oid::regclass
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'msgstatus'::regnamespace AND a.grantee = role::oid AND a.grantee <> c.relowner
        UNION
        SELECT 'TABLE ' || c.oid::regclass
        FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
        WHERE c.relnamespace = 'msgstatus'::regnamespace AND a.grantee = role::oid AND a.grantee <> c.relowner
        UNION ALL
        SELECT DISTINCT 'ROUTINE ' || p.oid::regprocedure
        FROM pg_proc AS p, aclexplode(p.proacl) AS a
        WHERE (p.pronamespace = 'msgstatus'::regnamespace
                OR p.oid IN ('max(msgstatus.delivery_state)'::regprocedure, 'min(msgstatus.delivery_state)'::regprocedure))
            AND a.grantee = role::oid AND a.grantee <> p.proowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', object, role);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA msgstatus TO %s', role);

    -- ingest: the apply functions, which act as the owner of the tables, and alert_counts for the receiver's metrics.
    --
    -- sender: register_message, which acts as the owner of the tables, and the functions of campaigns, which act with the
    -- caller's rights and so need rights on their tables. It may read messages but writes them only by register_message;
    -- otherwise it could write messages that the rollups do not count.
    --
    -- refresh: what msgstatus-refresh calls. The functions act with the caller's rights on the tables of the queue; of messages it
    -- may read what the views for it show.
    --
    -- analyst: the views, and the functions that their columns and queries on them use.
    --
    -- operator: everything except owning, installing and granting.
    FOR object IN
        SELECT p.oid::regprocedure
        FROM pg_proc AS p
        WHERE (p.pronamespace = 'msgstatus'::regnamespace
                OR p.oid IN ('max(msgstatus.delivery_state)'::regprocedure, 'min(msgstatus.delivery_state)'::regprocedure))
            AND CASE level
                WHEN 'ingest' THEN p.proname IN ('apply_message_status', 'apply_message_status_batch', 'reject_webhook', 'alert_counts')
                WHEN 'sender' THEN p.provolatile = 'i' OR p.proname IN ('check_installation', 'sees_all', 'shown_id', 'register_message',
                    'create_campaign', 'activate_campaign', 'pause_campaign', 'resume_campaign', 'cancel_campaign', 'lock_campaign',
                    'add_recipients', 'free_send_dates', 'first_day', 'spread_recipients', 'begin_days',
                    'check_claim', 'sending_ends', 'paced_sends',
                    'copy_campaign', 'reschedule_campaign', 'preview_claims',
                    'limit_sender', 'sender_days', 'count_sender_sends', 'sender_sends_left', 'skip_recipient', 'opt_out', 'opt_in', 'claim_recipients',
                    'claim_from_campaign', 'check_messages', 'delivered_earlier', 'complete_campaign', 'keep_attempts', 'sends_left', 'campaign_days',
                    'count_sends', 'count_attempt', 'record_send', 'record_send_failure', 'campaign_stats')
                WHEN 'refresh' THEN p.provolatile = 'i' OR p.proname IN ('check_installation', 'apply_message_status_batch',
                    'claim_refreshes', 'finish_refreshes', 'reflect_checks', 'request_stuck_refreshes', 'refresh_worker_seen',
                    'reserve_request', 'pause_requests', 'begin_reconciliation', 'unknown_messages', 'record_listed',
                    'record_reconciliation')
                WHEN 'analyst' THEN p.provolatile = 'i' OR p.prosrc IN ('read_as_owner', 'read_totals_as_owner')
                    OR p.proname IN ('sees_all', 'shown_id', 'message_log', 'message_stats', 'refresh_configured', 'weblog_csv', 'weblog_rejected', 'weblog_campaigns',
                        'weblog_alerts', 'weblog_attached', 'weblog_session')
                ELSE p.proname NOT LIKE 'install%' AND p.proname NOT IN ('grant_access', 'set_opt_out_words')
            END
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', object, role);
    END LOOP;

    IF level IN ('sender', 'analyst', 'operator') THEN
        EXECUTE format('GRANT USAGE ON TYPE msgstatus.delivery_state, msgstatus.message_status, msgstatus.delay_histogram TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.campaign_recipient_status, msgstatus.campaign_stats,'
            ' msgstatus.campaign_failures, msgstatus.campaign_cost TO %s', role);
    END IF;
    IF level IN ('analyst', 'operator') THEN
        EXECUTE format('GRANT SELECT ON msgstatus.message_timeline, msgstatus.rejected_summary,'
            ' msgstatus.message_status_dashboard, msgstatus.hourly_message_volume, msgstatus.delivery_rates,'
            ' msgstatus.delivery_funnel, msgstatus.daily_summary, msgstatus.weekly_summary, msgstatus.monthly_summary,'
            ' msgstatus.status_distribution, msgstatus.failure_breakdown, msgstatus.undelivered_messages,'
            ' msgstatus.unread_messages, msgstatus.stuck_messages, msgstatus.best_send_hours, msgstatus.recipient_engagement,'
            ' msgstatus.active_alerts TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.refresh_status, msgstatus.refresh_workers, msgstatus.reconciliations TO %s', role);
    END IF;
    IF level IN ('refresh', 'operator') THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.refresh_queue, msgstatus.message_check,'
            ' msgstatus.refresh_worker, msgstatus.refresh_rate, msgstatus.reconciliation TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.refresh_known, msgstatus.refresh_account, msgstatus.refresh_stuck,'
            ' msgstatus.installation TO %s', role);
    END IF;
    IF level = 'sender' THEN
        EXECUTE format('GRANT SELECT ON msgstatus.message TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON msgstatus.campaign, msgstatus.campaign_recipient TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT ON msgstatus.campaign_attempt TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.campaign_day, msgstatus.campaign_pace,'
            ' msgstatus.sender_limit, msgstatus.sender_day TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON msgstatus.opt_out TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.error_code_catalog, msgstatus.opt_out_word, msgstatus.installation TO %s', role);
    END IF;
    IF level = 'operator' THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.message, msgstatus.status_event,'
            ' msgstatus.rejected_status, msgstatus.error_code_catalog, msgstatus.message_rollup, msgstatus.folded_hour,'
            ' msgstatus.failure_rollup, msgstatus.recipient_rollup, msgstatus.recipient_day, msgstatus.recipient_total, msgstatus.recipient_window, msgstatus.prefix_rollup, msgstatus.prefix_period, msgstatus.maintenance,'
            ' msgstatus.campaign, msgstatus.campaign_recipient, msgstatus.campaign_attempt, msgstatus.campaign_day, msgstatus.campaign_pace,'
            ' msgstatus.sender_limit, msgstatus.sender_day, msgstatus.opt_out, msgstatus.opt_out_word, msgstatus.alert_rule, msgstatus.alert_state, msgstatus.content_setting TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.installation, msgstatus.hour_rollup, msgstatus.attached_table,'
            ' msgstatus.attached_table_failure, msgstatus.attached_tables TO %s', role);
        EXECUTE format('GRANT DELETE ON msgstatus.attached_table_failure TO %s', role);
        -- Who did something comes from the connection.
        EXECUTE format('GRANT SELECT, INSERT (action, detail, affected) ON msgstatus.action_log TO %s', role);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.grant_access(regrole, text) IS
    'Replaces the access level of a role by ingest (apply only), sender (register messages and run campaigns), refresh (fetch statuses for msgstatus-refresh), analyst (read the views, phone numbers masked) or operator (everything except owning); 22023 for another level';
