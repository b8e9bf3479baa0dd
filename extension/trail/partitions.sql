-- The partitions of the audit trail, a month each, by the time of receipt. What no partition of a month takes goes to the default
-- partition, so a missing one never fails a call. Where pg_partman manages the table, it is left to it.
--
-- Attaching and dropping a partition lock the trail for a moment, and calls queue behind a session that waits for such a lock.
-- Hence the short lock_timeout; the next run tries again.

CREATE FUNCTION msgstatus.trail_is_ours() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partman_schema name;
    managed boolean;
BEGIN
    -- A user may have made the table otherwise, and whoever may not alter it leaves it alone.
    IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass('msgstatus.status_event') AND c.relkind = 'p'
        AND pg_has_role(c.relowner, 'USAGE')) THEN
        RETURN false;
    END IF;
    SELECT n.nspname INTO partman_schema
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_partman';
    IF FOUND THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.part_config WHERE parent_table = %L)', partman_schema, 'msgstatus.status_event')
        INTO managed;
        RETURN NOT managed;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION msgstatus.trail_is_ours() IS
    'Whether the caller may make and drop partitions of status_event, and pg_partman does not';

CREATE FUNCTION msgstatus.make_trail_partitions(months_ahead integer DEFAULT 1) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' SET client_min_messages = warning AS $$
DECLARE
    this_month CONSTANT timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    owner CONSTANT regrole := (SELECT c.relowner FROM pg_class AS c WHERE c.oid = to_regclass('msgstatus.status_event'));
    partition text;
    month timestamp;
    lower_bound timestamptz;
    upper_bound timestamptz;
    in_default boolean;
    made integer := 0;
BEGIN
    IF NOT msgstatus.trail_is_ours() THEN
        RETURN 0;
    END IF;
    IF to_regclass('msgstatus.status_event_default') IS NULL THEN
        CREATE TABLE msgstatus.status_event_default (LIKE msgstatus.status_event INCLUDING ALL);
        COMMENT ON TABLE msgstatus.status_event_default IS 'The part of status_event that no month takes; as a rule empty';
        EXECUTE format('ALTER TABLE msgstatus.status_event_default OWNER TO %s', owner);
        -- LIKE does not take it over; see install_replica_identity.
        ALTER TABLE msgstatus.status_event_default REPLICA IDENTITY FULL;
        ALTER TABLE msgstatus.status_event ATTACH PARTITION msgstatus.status_event_default DEFAULT;
    END IF;
    FOR n IN 0 .. make_trail_partitions.months_ahead LOOP
        month := this_month + n * interval '1 month';
        partition := to_char(month, '"status_event_"YYYY_MM');
        lower_bound := month AT TIME ZONE 'UTC';
        upper_bound := (month + interval '1 month') AT TIME ZONE 'UTC';
        CONTINUE WHEN to_regclass('msgstatus.' || partition) IS NOT NULL;
        -- A month of which the default partition holds something stays there.
        SELECT EXISTS (SELECT FROM msgstatus.status_event_default AS e WHERE e.received_at >= lower_bound AND e.received_at < upper_bound)
        INTO in_default;
        CONTINUE WHEN in_default;
        BEGIN
            EXECUTE format('CREATE TABLE msgstatus.%I (LIKE msgstatus.status_event INCLUDING ALL)', partition);
            EXECUTE format('COMMENT ON TABLE msgstatus.%I IS %L', partition, format('The part of status_event that was received in %s', to_char(month, 'YYYY-MM')));
            EXECUTE format('ALTER TABLE msgstatus.%I OWNER TO %s', partition, owner);
            EXECUTE format('ALTER TABLE msgstatus.%I REPLICA IDENTITY FULL', partition);
            EXECUTE format('ALTER TABLE msgstatus.status_event ATTACH PARTITION msgstatus.%I FOR VALUES FROM (%L) TO (%L)', partition, lower_bound, upper_bound);
            made := made + 1;
        EXCEPTION
            -- Somebody is at the trail; or a call just brought something to the default partition; or a user's own covers the month.
            WHEN lock_not_available OR check_violation OR invalid_object_definition THEN
                NULL;
        END;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION msgstatus.make_trail_partitions(integer) IS
    'Makes the partitions of status_event for this month and so many to come, where they are missing, and returns how many; makes none where somebody holds the trail for longer than half a second';

CREATE FUNCTION msgstatus.drop_trail_partitions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' SET client_min_messages = warning AS $$
DECLARE
    partition regclass;
    dropped integer := 0;
BEGIN
    PERFORM msgstatus.check_installation();
    IF NOT msgstatus.trail_is_ours() THEN
        RETURN 0;
    END IF;
    FOR partition IN
        SELECT c.oid
        FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid,
            LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM $pattern$TO \('([^']*)'\)$pattern$)::timestamptz AS bound) AS upper
        WHERE i.inhparent = 'msgstatus.status_event'::regclass AND upper.bound <= drop_trail_partitions.before
        ORDER BY upper.bound
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE %s', partition);
            dropped := dropped + 1;
        EXCEPTION
            WHEN lock_not_available THEN
                EXIT;
        END;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION msgstatus.drop_trail_partitions(timestamptz) IS
    'Drops the partitions of status_event that hold nothing received at this time or later, in constant time, and returns how many; stops where somebody holds the trail for longer than half a second';
