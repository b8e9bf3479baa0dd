-- publish(): what a database that cannot have the extension, such as a managed one, subscribes to.

-- The columns of `message` that mean something elsewhere; the others are the extension's own bookkeeping.
CREATE FUNCTION msgstatus.published_columns() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass('msgstatus.message') AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname IN ('message_id', 'provider', 'direction', 'sender', 'recipient', 'message_type', 'metadata',
            'campaign_id', 'status', 'error_code', 'error_title', 'error_details', 'error_at', 'price', 'price_unit',
            'num_segments', 'pricing_category', 'billable', 'created_at', 'updated_at')
$$;
COMMENT ON FUNCTION msgstatus.published_columns() IS 'The columns of message that publish() publishes, as a list';

CREATE FUNCTION msgstatus.publish(publication name DEFAULT 'msgstatus', subscriber name DEFAULT 'msgstatus_subscriber') RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    published CONSTANT text := format('TABLE msgstatus.message (%s), msgstatus.status_event', msgstatus.published_columns());
    exists boolean := EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = publication);
BEGIN
    PERFORM msgstatus.check_installation();
    IF publication IS NULL OR subscriber IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'publication and subscriber must not be null';
    END IF;
    PERFORM msgstatus.install_replica_identity();
    IF exists THEN
        EXECUTE format('ALTER PUBLICATION %I SET %s', publication, published);
    ELSE
        -- A subscriber knows one table for the trail, whatever partitions come and go here.
        EXECUTE format('CREATE PUBLICATION %I FOR %s WITH (publish_via_partition_root)', publication, published);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = subscriber) THEN
        EXECUTE format('CREATE ROLE %I LOGIN REPLICATION', subscriber);
    ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = subscriber AND (r.rolreplication OR r.rolsuper)) THEN
        RAISE insufficient_privilege USING MESSAGE = format('role "%s" may not replicate', subscriber),
            HINT = format('A superuser grants it: ALTER ROLE %I REPLICATION.', subscriber);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA msgstatus TO %I', subscriber);
    EXECUTE format('GRANT SELECT (%s) ON msgstatus.message TO %I', msgstatus.published_columns(), subscriber);
    EXECUTE format('GRANT SELECT ON msgstatus.status_event TO %I', subscriber);
END
$$;
COMMENT ON FUNCTION msgstatus.publish(name, name) IS
    'Makes a publication of messages and their trail, and the role by which another database subscribes to it; can be repeated. 42501 where the caller may make neither';

CREATE FUNCTION msgstatus.publication_lag(publication name DEFAULT 'msgstatus') RETURNS TABLE (
    slot_name name,
    active boolean,
    lag_bytes numeric,
    kept_bytes numeric,
    wal_status text
)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A slot does not say which publication it serves; those of this database that use pgoutput are meant.
    SELECT s.slot_name, s.active, pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn),
        pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), s.wal_status
    FROM pg_replication_slots AS s
    WHERE s.database = current_database() AND s.plugin = 'pgoutput'
        AND EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = publication)
    ORDER BY s.slot_name
$$;
COMMENT ON FUNCTION msgstatus.publication_lag(name) IS
    'How far each subscriber of this database lags behind, and how much write-ahead log the server keeps for it; for an alert';
