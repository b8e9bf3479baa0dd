-- Seconds and percentages, rounded as views and functions return them.

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
COMMENT ON FUNCTION msgstatus.percentage(bigint, bigint) IS 'The part in per cent of the whole, with two decimal places; NULL if the whole is 0';
