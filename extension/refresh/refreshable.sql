-- Which providers can be asked about a message. The one place that says so.

CREATE FUNCTION msgstatus.refreshable(provider text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT COALESCE($1 OPERATOR(pg_catalog.=) 'twilio', false);
    END;
COMMENT ON FUNCTION msgstatus.refreshable(text) IS 'Whether the provider has an interface that tells the status of a message';

CREATE FUNCTION msgstatus.refreshable(provider text, message_id text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        -- SignalWire, who is stored as twilio, has ids of another form. A message without a callback may have no provider yet.
        SELECT (msgstatus.refreshable($1) OR $1 IS NULL)
            AND COALESCE($2 OPERATOR(pg_catalog.~) '^(SM|MM)[0-9a-fA-F]{32}$', false);
    END;
COMMENT ON FUNCTION msgstatus.refreshable(text, text) IS
    'Whether the provider of a message can be asked about it: it is refreshable or not known yet, and the id is one of its ids';
