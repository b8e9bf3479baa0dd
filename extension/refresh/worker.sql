-- Workers: what they report of themselves, and the rate that they share.

CREATE FUNCTION msgstatus.refresh_worker_seen(worker text, state text, detail text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    IF $1 IS NULL OR $1 = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'worker must not be empty';
    END IF;
    INSERT INTO msgstatus.refresh_worker AS w (worker, started_at, seen_at, state, detail)
    VALUES ($1, clock_timestamp(), clock_timestamp(), $2, $3)
    ON CONFLICT ON CONSTRAINT refresh_worker_pkey DO UPDATE
    SET seen_at = excluded.seen_at, state = excluded.state, detail = excluded.detail;
    DELETE FROM msgstatus.refresh_worker AS w WHERE w.seen_at < now() - interval '7 days';
END
$$;
COMMENT ON FUNCTION msgstatus.refresh_worker_seen(text, text, text) IS
    'Reports the state of a worker: running, not configured, refused or stopped, with a sentence; forgets workers that were not seen for a week';

CREATE FUNCTION msgstatus.refresh_configured() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM msgstatus.refresh_workers AS w WHERE w.is_alive AND w.state IN ('running', 'refused'))
$$;
COMMENT ON FUNCTION msgstatus.refresh_configured() IS 'Whether a worker that has credentials reported within the last minute';

CREATE FUNCTION msgstatus.reserve_request(provider text, per_second numeric, burst integer DEFAULT 1) RETURNS interval
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reserved timestamptz;
BEGIN
    IF $2 IS NULL OR $2 <= 0 OR $3 IS NULL OR $3 < 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'per_second and burst must be positive';
    END IF;
    -- The tokens of a bucket as one time: it lies in the past by as many requests as are left.
    UPDATE msgstatus.refresh_rate AS r
    SET next_at = GREATEST(r.next_at, clock_timestamp() - ($3 - 1) * (interval '1 second' / $2::double precision))
        + interval '1 second' / $2::double precision
    WHERE r.provider = $1
    RETURNING r.next_at - interval '1 second' / $2::double precision INTO reserved;
    IF reserved IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('provider "%s" has no rate', $1);
    END IF;
    RETURN GREATEST(reserved - clock_timestamp(), '0');
END
$$;
COMMENT ON FUNCTION msgstatus.reserve_request(text, numeric, integer) IS
    'Reserves the next request to a provider within a rate that all workers share, and returns how long to wait for it';

CREATE FUNCTION msgstatus.pause_requests(provider text, pause interval) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE msgstatus.refresh_rate AS r SET next_at = GREATEST(r.next_at, clock_timestamp() + LEAST($2, '5 minutes'))
    WHERE r.provider = $1
$$;
COMMENT ON FUNCTION msgstatus.pause_requests(text, interval) IS
    'Lets no worker send a request to a provider for a time, at most 5 minutes: the provider asked for a pause';
