\echo Use "CREATE EXTENSION msgstatus" to load this file. \quit

-- The schema belongs to the extension. Created without IF NOT EXISTS, because an existing schema of this name could hold
-- objects of another role that would be called instead of these.
CREATE SCHEMA msgstatus;
COMMENT ON SCHEMA msgstatus IS 'Delivery statuses of messages, merged in any order';
