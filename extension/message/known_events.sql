-- What the column known_events of message is made with.

CREATE FUNCTION msgstatus.known_events_merge(bytea, bytea) RETURNS bytea
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'known_events_merge';
COMMENT ON FUNCTION msgstatus.known_events_merge(bytea, bytea) IS 'The events of both, or the sixteen with the smallest numbers';

CREATE FUNCTION msgstatus.known_events_hold(bytea, bytea) RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'known_events_hold';
COMMENT ON FUNCTION msgstatus.known_events_hold(bytea, bytea) IS 'Are the second argument''s events all in the first?';
