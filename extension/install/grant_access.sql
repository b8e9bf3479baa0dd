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
    PERFORM msgstatus.install_access(role, level);
END
$$;
COMMENT ON FUNCTION msgstatus.grant_access(regrole, text) IS
    'Replaces the access level of a role by ingest (apply only), sender (register messages and run campaigns), refresh (fetch statuses for msgstatus-refresh), analyst (read the views, phone numbers masked) or operator (everything except owning); 22023 for another level';

CREATE FUNCTION msgstatus.install_access(role regrole, level text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    object text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA msgstatus TO %s', role);

    -- ingest: the apply functions, which act as the owner of the tables, and alert_counts for the receiver's metrics.
    --
    -- sender: register_message, which acts as the owner of the tables, and the functions of campaigns, which act with the
    -- caller's rights and so need rights on their tables. It may read messages but writes them only by register_message;
    -- otherwise it could write messages that the rollups do not count.
    --
    -- refresh: what msgstatus-refresh calls. The functions act with the caller's rights on the tables of the queue; of messages it
    -- may read what the views for it show. It applies what Twilio's API returns (apply_fetched), and nothing else.
    --
    -- analyst: the views, and the functions that their columns and queries on them use.
    --
    -- operator: everything except owning, installing, granting, and what a worker reports of requests: who asked, and when, is
    -- written by the queue and by workers alone.
    FOR object IN
        SELECT p.oid::regprocedure
        FROM pg_proc AS p
        WHERE (p.pronamespace = 'msgstatus'::regnamespace
                OR p.oid IN ('max(msgstatus.delivery_state)'::regprocedure, 'min(msgstatus.delivery_state)'::regprocedure))
            AND (level = 'operator' OR p.proname <> 'check_provider_description')
            AND CASE level
                WHEN 'ingest' THEN p.proname IN ('apply_message_status', 'apply_message_status_batch', 'reject_webhook', 'alert_counts')
                WHEN 'sender' THEN p.provolatile = 'i' OR p.proname IN ('check_installation', 'sees_all', 'shown_id', 'register_message', 'add_message_alias',
                    'create_campaign', 'activate_campaign', 'pause_campaign', 'resume_campaign', 'cancel_campaign', 'lock_campaign',
                    'add_recipients', 'free_send_dates', 'first_day', 'spread_recipients', 'begin_days',
                    'check_claim', 'sending_ends', 'paced_sends',
                    'copy_campaign', 'reschedule_campaign', 'preview_claims',
                    'limit_sender', 'sender_days', 'count_sender_sends', 'sender_sends_left', 'skip_recipient', 'opt_out', 'opt_in', 'claim_recipients',
                    'claim_from_campaign', 'check_messages', 'delivered_earlier', 'complete_campaign', 'keep_attempts', 'sends_left', 'campaign_days',
                    'count_sends', 'count_attempt', 'record_send', 'record_send_failure', 'campaign_stats')
                WHEN 'refresh' THEN p.provolatile = 'i' OR p.proname IN ('check_installation', 'apply_fetched',
                    'claim_refreshes', 'finish_refreshes', 'reflect_checks', 'request_stuck_refreshes', 'refresh_worker_seen',
                    'reserve_request', 'pause_requests', 'begin_reconciliation', 'callback_accounts', 'accounts_to_reconcile', 'unknown_messages', 'record_listed',
                    'record_reconciliation')
                WHEN 'analyst' THEN p.provolatile = 'i' OR p.prosrc IN ('read_as_owner', 'read_totals_as_owner') AND p.proname <> 'callback_accounts'
                    OR p.proname IN ('sees_all', 'shown_id', 'message_log', 'message_stats', 'refresh_configured', 'weblog_csv', 'weblog_rejected', 'weblog_campaigns',
                        'weblog_alerts', 'weblog_attached', 'weblog_session')
                ELSE p.proname NOT LIKE 'install%' AND p.proname NOT IN ('grant_access', 'set_opt_out_words', 'claim_refreshes',
                    'finish_refreshes', 'record_listed', 'refresh_worker_seen', 'reserve_request', 'pause_requests',
                    'begin_reconciliation', 'record_reconciliation')
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
            ' msgstatus.active_alerts, msgstatus.providers TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.refresh_status, msgstatus.refresh_workers, msgstatus.reconciliations TO %s', role);
    END IF;
    IF level IN ('refresh', 'operator') THEN
        EXECUTE format('GRANT SELECT, INSERT (message_id), DELETE ON msgstatus.refresh_queue TO %s', role);
        EXECUTE format('GRANT SELECT, DELETE ON msgstatus.message_check TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.refresh_worker, msgstatus.refresh_rate, msgstatus.reconciliation TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.refresh_known, msgstatus.refresh_account, msgstatus.refresh_stuck,'
            ' msgstatus.installation TO %s', role);
    END IF;
    IF level = 'refresh' THEN
        EXECUTE format('GRANT UPDATE (next_attempt_at, attempts, claim, worker, last_error) ON msgstatus.refresh_queue TO %s', role);
        EXECUTE format('GRANT UPDATE ON msgstatus.refresh_rate TO %s', role);
        EXECUTE format('GRANT INSERT, UPDATE ON msgstatus.message_check TO %s', role);
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON msgstatus.refresh_worker, msgstatus.reconciliation TO %s', role);
    END IF;
    IF level = 'sender' THEN
        EXECUTE format('GRANT SELECT ON msgstatus.message, msgstatus.message_alias TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON msgstatus.campaign, msgstatus.campaign_recipient TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT ON msgstatus.campaign_attempt TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.campaign_day, msgstatus.campaign_pace,'
            ' msgstatus.sender_limit, msgstatus.sender_day TO %s', role);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON msgstatus.opt_out TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.error_code_catalog, msgstatus.opt_out_word, msgstatus.installation TO %s', role);
    END IF;
    IF level = 'operator' THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.message, msgstatus.message_alias, msgstatus.status_event,'
            ' msgstatus.rejected_status, msgstatus.error_code_catalog, msgstatus.message_rollup, msgstatus.folded_hour,'
            ' msgstatus.failure_rollup, msgstatus.recipient_rollup, msgstatus.recipient_day, msgstatus.recipient_total, msgstatus.recipient_window, msgstatus.prefix_rollup, msgstatus.prefix_period, msgstatus.maintenance,'
            ' msgstatus.campaign, msgstatus.campaign_recipient, msgstatus.campaign_attempt, msgstatus.campaign_day, msgstatus.campaign_pace,'
            ' msgstatus.sender_limit, msgstatus.sender_day, msgstatus.opt_out, msgstatus.opt_out_word, msgstatus.alert_rule, msgstatus.alert_state, msgstatus.content_setting, msgstatus.provider_description TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.installation, msgstatus.hour_rollup, msgstatus.attached_table,'
            ' msgstatus.attached_table_failure, msgstatus.attached_tables TO %s', role);
        EXECUTE format('GRANT DELETE ON msgstatus.attached_table_failure TO %s', role);
        -- What was done is recorded by the actions themselves, as the owner of the table.
        EXECUTE format('GRANT SELECT ON msgstatus.action_log TO %s', role);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.install_access(regrole, text) IS
    'Grants a role what its access level has; called by grant_access(), and by install() when the version changes';

-- The levels are not written down. Each is told by privileges that every version grants to it and to none below it. An update
-- drops a function that gets another parameter, and privileges on it; so the functions here are those that stay as they are.
CREATE FUNCTION msgstatus.install_accesses() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        WITH privilege AS (
            SELECT a.grantee, concat_ws(' ', a.privilege_type, c.relname) AS name
            FROM pg_class AS c, aclexplode(c.relacl) AS a
            WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relname IN ('message', 'campaign', 'campaign_recipient', 'delivery_funnel')
                AND a.grantee NOT IN (0, c.relowner)
            UNION ALL
            SELECT a.grantee, concat_ws(' ', a.privilege_type, p.proname)
            FROM pg_proc AS p, aclexplode(p.proacl) AS a
            WHERE p.pronamespace = 'msgstatus'::regnamespace
                AND p.proname IN ('reject_webhook', 'apply_message_status_batch', 'claim_refreshes', 'maintain')
                AND a.grantee NOT IN (0, p.proowner)
        )
        SELECT r.role, CASE
            WHEN r.held @> '{DELETE message,EXECUTE maintain}' THEN 'operator'
            WHEN r.held @> '{UPDATE campaign,UPDATE campaign_recipient}' THEN 'sender'
            WHEN r.held @> '{SELECT delivery_funnel}' THEN 'analyst'
            WHEN r.held @> '{EXECUTE claim_refreshes}' THEN 'refresh'
            WHEN r.held @> '{EXECUTE apply_message_status_batch,EXECUTE reject_webhook}' THEN 'ingest'
        END AS level
        FROM (SELECT p.grantee::regrole AS role, array_agg(p.name) AS held FROM privilege AS p GROUP BY p.grantee) AS r
        ORDER BY r.role::text
    LOOP
        CONTINUE WHEN granted.level IS NULL;
        IF pg_has_role((SELECT p.proowner FROM pg_proc AS p WHERE p.oid = 'msgstatus.install()'::regprocedure), 'USAGE') THEN
            IF granted.level = 'sender' THEN
                -- 0.1 let senders write messages, which the rollups then did not count.
                EXECUTE format('REVOKE INSERT, UPDATE ON msgstatus.message FROM %s', granted.role);
            END IF;
            PERFORM msgstatus.install_access(granted.role, granted.level);
        ELSE
            RAISE NOTICE 'the privileges of role % are those of the earlier version', granted.role USING
                HINT = format('Run as the owner of the extension: SELECT msgstatus.grant_access(%L, %L);', granted.role, granted.level);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION msgstatus.install_accesses() IS
    'Grants each role with an access level what the level has in this version; called by install() when the version changes';
