-- What install() makes: the views of the rollups. They read rows of rollups alone, and so grow with hours, not with messages.
--
-- The same words mean the same in all of them. delivered counts messages that were delivered, so those that were read, too;
-- read those that were read; failed those whose state is a failure; attempted those that a provider tried to deliver, with
-- whatever outcome so far. delivery_rate is the percentage of the attempted that was delivered, read_rate that of the
-- delivered that was read. Days are those of the session's TimeZone: an hour belongs to the day in which it begins.

CREATE FUNCTION msgstatus.seconds(delay interval) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.round(extract(epoch FROM $1), 3);
    END;
COMMENT ON FUNCTION msgstatus.seconds(interval) IS 'An interval in seconds, to the millisecond';

CREATE FUNCTION msgstatus.percentage(part bigint, whole bigint) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.round(100.0 OPERATOR(pg_catalog.*) $1 OPERATOR(pg_catalog./) NULLIF($2, 0), 2);
    END;
COMMENT ON FUNCTION msgstatus.percentage(bigint, bigint) IS 'The part in hundredths of the whole, with two places; NULL of nothing';
