-- The facts of a message that a column of a user's table can show, and the names and types by which such a column is found.

CREATE FUNCTION msgstatus.attachable_facts(of_history boolean DEFAULT false)
    RETURNS TABLE (place integer, fact text, kind text, names text[])
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Names are compared in lower case and without underscores. The most specific names come first: next to a column
    -- delivery_status, a column status is probably the status of something else.
    SELECT * FROM (VALUES
        (1, 'state', 'state', ('{deliverystatus,deliverystate,messagestatus,messagestate,msgstatus,whatsappstatus,'
            'twiliostatus,smsstatus,sendstatus,sendingstatus,status,state}')::text[]),
        (2, 'status', 'status', '{status}'),
        (3, 'timeline', 'timeline', '{statustimeline,timeline,statustimes,statustimestamps,deliverystatus,'
            'messagestatus,msgstatus,whatsappstatus,status,statuses,statushistory,statusevents,statuslog}'),
        (20, 'error_code', 'code', '{errorcode,failurecode,errcode,lasterrorcode,twilioerrorcode,metaerrorcode}'),
        (21, 'error_text', 'words', '{errormessage,errortext,failurereason,errorreason,errordescription,errordetails,'
            'errortitle,failuremessage,failreason,failedreason,lasterror,error}'),
        (22, 'retry_count', 'count', '{retrycount,retries,failurecount,failcount}'),
        (23, 'updated_at', 'time', '{updatedat,modifiedat,lastupdated,lastupdatedat,lastmodified,lastmodifiedat}'),
        (24, 'last_status_check', 'time', '{laststatuscheck,laststatuscheckat,lastcheckedat,statuscheckedat,'
            'statusupdatedat,laststatusupdate,laststatusat,statuschangedat}'),
        (25, 'is_sent', 'flag', '{issent}'),
        (26, 'is_delivered', 'flag', '{isdelivered}'),
        (27, 'is_read', 'flag', '{isread}'),
        (28, 'is_failed', 'flag', '{isfailed}')
    ) AS f
    WHERE NOT of_history OR f.column2 IN ('state', 'error_code', 'error_text')
    UNION ALL
    -- The time of a row's own status. created_at mostly is the time of the row, so that such a column must be given.
    SELECT 19, 'event_time', 'time', '{eventtime,eventat,occurredat,occurredon,happenedat,statusat,statustime,statusdate,'
        'statustimestamp,statuschangedat,changedat,reportedat,timestamp,at,time,date}'
    WHERE of_history
    UNION ALL
    -- In a table of messages, scheduled_at and received_at mostly mean something else, so these columns must be given.
    SELECT 3 + s.place::integer, s.state || '_at', 'time',
        CASE
            WHEN s.state::text IN ('processing', 'received', 'pending', 'scheduled') THEN '{}'
            ELSE ARRAY(
                SELECT replace(word, '_', '') || suffix
                FROM unnest(CASE s.state::text WHEN 'canceled' THEN '{canceled,cancelled}'::text[]
                    ELSE ARRAY[s.state::text] END) AS word, unnest('{at,time,timestamp,on,date,""}'::text[]) AS suffix)
        END
    FROM unnest(msgstatus.delivery_states()) WITH ORDINALITY AS s (state, place)
    WHERE NOT of_history
$$;
COMMENT ON FUNCTION msgstatus.attachable_facts(boolean) IS
    'The facts that a column of an attached table, or of a history, can show, their kinds, and the names by which such a column is found';

CREATE FUNCTION msgstatus.fact_types(kind text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE kind
        WHEN 'state' THEN 'text, varchar, char, an enum, delivery_state, or an integer with a spelling'
        WHEN 'status' THEN 'message_status'
        WHEN 'timeline' THEN 'jsonb or json'
        WHEN 'time' THEN 'timestamptz or timestamp; if given, date, text, or a number of a unit'
        WHEN 'flag' THEN 'boolean'
        WHEN 'code' THEN 'integer, bigint, numeric, text, varchar or char'
        WHEN 'words' THEN 'text, varchar or char'
        WHEN 'count' THEN 'smallint, integer, bigint or numeric'
    END
$$;
COMMENT ON FUNCTION msgstatus.fact_types(text) IS 'The types of columns that can show a kind of fact, as a text for messages';

CREATE FUNCTION msgstatus.type_fits(kind text, type oid, typmod integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE kind
        WHEN 'state' THEN
            type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'msgstatus.delivery_state'::regtype)
            OR type IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
            OR EXISTS (SELECT FROM pg_type AS t WHERE t.oid = type AND t.typtype = 'e')
        WHEN 'flag' THEN type = 'boolean'::regtype
        WHEN 'status' THEN type = 'msgstatus.message_status'::regtype
        WHEN 'timeline' THEN type IN ('jsonb'::regtype, 'json'::regtype)
        WHEN 'time' THEN type IN ('timestamptz'::regtype, 'timestamp'::regtype)
        -- Twilio's codes have five digits. A typmod includes 4 bytes of header.
        WHEN 'code' THEN type IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'text'::regtype)
            OR type IN ('varchar'::regtype, 'bpchar'::regtype) AND (typmod = -1 OR typmod >= 4 + 5)
        WHEN 'words' THEN type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
        WHEN 'count' THEN type IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype)
    END
$$;
COMMENT ON FUNCTION msgstatus.type_fits(text, oid, integer) IS 'Whether a column of this type can show this kind of fact';

CREATE FUNCTION msgstatus.given_type_fits(kind text, type oid, typmod integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- A time as a number or a text has no obvious meaning, and a date loses the time of day: found by name, they are left
    -- alone. 2024-12-10T10:30:00Z has 20 characters.
    SELECT kind = 'time' AND (type IN ('date'::regtype, 'text'::regtype, 'integer'::regtype, 'bigint'::regtype,
            'numeric'::regtype, 'double precision'::regtype)
        OR type = 'varchar'::regtype AND (typmod = -1 OR typmod >= 4 + 20))
$$;
COMMENT ON FUNCTION msgstatus.given_type_fits(text, oid, integer) IS
    'Whether a column of this type can show this kind of fact if it is given, though it is not found by its name';

CREATE FUNCTION msgstatus.column_types(target regclass) RETURNS TABLE (
    column_number smallint, column_name name, type text, declared_type oid, base_type oid, base_typmod integer,
    base_name text, collation_name text, generated "char", identity "char"
)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    -- Resolves domains over domains down to their base type.
    WITH RECURSIVE part AS (
        SELECT a.attnum, a.atttypid AS type, a.atttypmod AS typmod
        FROM pg_attribute AS a
        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT p.attnum, t.typbasetype, CASE WHEN p.typmod = -1 THEN t.typtypmod ELSE p.typmod END
        FROM part AS p JOIN pg_type AS t ON t.oid = p.type
        WHERE t.typtype = 'd'
    )
    SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, p.type, p.typmod,
        -- Other names of built-in types belong to the grammar, and mean the same in every search_path.
        CASE WHEN format_type(p.type, p.typmod) IN ('text', 'bpchar', 'json', 'jsonb', 'date', 'uuid') THEN 'pg_catalog.' ELSE '' END
            || format_type(p.type, p.typmod),
        (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname)
            FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation),
        a.attgenerated, a.attidentity
    FROM pg_attribute AS a
    JOIN part AS p ON p.attnum = a.attnum
    JOIN pg_type AS t ON t.oid = p.type AND t.typtype <> 'd'
    WHERE a.attrelid = target
$$;
COMMENT ON FUNCTION msgstatus.column_types(regclass) IS 'The columns of a table, with the base types of their domains';
