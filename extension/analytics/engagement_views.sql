-- Created by install(): views of functions that take a time zone or a number, called with their defaults.

CREATE FUNCTION msgstatus.install_engagement_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.best_send_hours AS
    SELECT h.weekday, h.hour, h.messages, h.delivered, h.read, h.read_rate
    FROM msgstatus.best_send_hours() AS h;
    COMMENT ON VIEW msgstatus.best_send_hours IS
        'The messages of the last 90 days and how many were read, by weekday and hour of creation in the session''s TimeZone, the best first';

    CREATE OR REPLACE VIEW msgstatus.recipient_engagement AS
    SELECT msgstatus.mask_address(e.recipient) AS recipient, e.messages, e.delivered, e.read, e.read_rate, e.avg_read_seconds, e.last_read_at
    FROM msgstatus.recipient_engagement() AS e;
    COMMENT ON VIEW msgstatus.recipient_engagement IS
        'The fifty recipients with the most messages in the last seven days, and how many they read, the most engaged first; phone numbers masked';
END
$$;
COMMENT ON FUNCTION msgstatus.install_engagement_views() IS
    'Creates the views best_send_hours and recipient_engagement; called by install()';
