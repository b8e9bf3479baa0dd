-- maintain(): all regular maintenance, a bounded amount of each kind of work in one call.

CREATE FUNCTION msgstatus.maintain() RETURNS jsonb
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settings msgstatus.maintenance;
    made integer;
    dropped integer;
    counted bigint;
    windows_counted bigint;
    prefixes_counted bigint;
    purged bigint;
    purged_events bigint;
    purged_rejected bigint;
    folded bigint;
    forgotten integer;
    retried bigint;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT pg_try_advisory_xact_lock(hashtextextended('msgstatus.maintain', 0)) THEN
        RETURN jsonb_build_object('busy', true);
    END IF;
    SELECT * INTO STRICT settings FROM msgstatus.maintenance;

    made := msgstatus.make_trail_partitions();
    dropped := msgstatus.drop_trail_partitions(now() - settings.events_kept);
    -- Changing partitions locks the trail until the end of this transaction. So the transaction ends here, and the next call
    -- does the other work.
    IF made + dropped > 0 THEN
        RETURN jsonb_build_object('partitions_made', made, 'partitions_dropped', dropped);
    END IF;

    forgotten := msgstatus.forget_dropped_tables();
    -- Before the purge: this waits for calls, and calls must not wait for messages that are purged here.
    retried := msgstatus.retry_locked_rows();
    counted := msgstatus.count_recipients();
    windows_counted := msgstatus.count_windows();
    prefixes_counted := msgstatus.count_prefixes();
    IF settings.messages_kept IS NOT NULL THEN
        purged := msgstatus.purge_messages(now() - settings.messages_kept);
    END IF;
    IF settings.events_kept IS NOT NULL THEN
        purged_events := msgstatus.purge_events(now() - settings.events_kept);
    END IF;
    IF settings.rejected_kept IS NOT NULL THEN
        purged_rejected := msgstatus.purge_rejected(now() - settings.rejected_kept);
    END IF;
    -- Last, because a writer to a folded row waits until this transaction ends.
    folded := msgstatus.fold_rollups();
    RETURN jsonb_strip_nulls(jsonb_build_object('recipients_counted', counted, 'windows_counted', windows_counted, 'prefixes_counted', prefixes_counted, 'messages_purged', purged,
        'events_purged', purged_events, 'rejected_purged', purged_rejected, 'tables_forgotten', NULLIF(forgotten, 0),
        'rows_retried', NULLIF(retried, 0),
        'rollups_folded', folded));
END
$$;
COMMENT ON FUNCTION msgstatus.maintain() IS
    'Does a bounded amount of all regular work, and returns what it did: creates and drops partitions of the trail, counts recipients and prefixes, purges as the table maintenance says, folds the rollups; to be called every few minutes';
