\echo Use "CREATE EXTENSION msgstatus" to load this file. \quit

-- The schema belongs to the extension. Without IF NOT EXISTS: a schema of this name that somebody else made before could
-- hold objects that would be called in place of ours.
CREATE SCHEMA msgstatus;
COMMENT ON SCHEMA msgstatus IS 'Delivery statuses of messages, merged in any order';
