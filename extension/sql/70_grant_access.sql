CREATE FUNCTION msgstatus.grant_access(role regrole, level text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    function_signature text;
    relation_name text;
BEGIN
    PERFORM msgstatus.check_installation();
    IF level NOT IN ('ingest', 'analyst', 'operator') OR level IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown level "%s"', level),
            HINT = 'The levels are ingest, analyst and operator.';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA msgstatus TO %s', role);

    -- ingest: the ways in, and nothing else; they act on the tables as the tables' owner.
    -- analyst: the views, and what their columns and queries on them are made of.
    -- operator: everything but owning, installing and granting.
    FOR function_signature IN
        SELECT p.oid::regprocedure
        FROM pg_proc AS p
        WHERE p.pronamespace = 'msgstatus'::regnamespace
            AND CASE level
                WHEN 'ingest' THEN p.proname IN ('apply_message_status', 'apply_message_status_batch', 'reject_webhook')
                WHEN 'analyst' THEN p.provolatile = 'i'
                ELSE p.proname NOT LIKE 'install%' AND p.proname <> 'grant_access'
            END
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', function_signature, role);
    END LOOP;

    IF level IN ('analyst', 'operator') THEN
        EXECUTE format('GRANT USAGE ON TYPE msgstatus.delivery_state, msgstatus.message_status TO %s', role);
        FOR relation_name IN
            SELECT c.oid::regclass
            FROM pg_class AS c
            WHERE c.relnamespace = 'msgstatus'::regnamespace AND c.relkind = 'v'
        LOOP
            EXECUTE format('GRANT SELECT ON %s TO %s', relation_name, role);
        END LOOP;
    END IF;
    IF level = 'operator' THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON msgstatus.message, msgstatus.status_event,'
            ' msgstatus.rejected_status, msgstatus.error_code_catalog TO %s', role);
        EXECUTE format('GRANT SELECT ON msgstatus.installation TO %s', role);
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.grant_access(regrole, text) IS
    'Grants a role the level ingest (may only apply), analyst (may only read the views, phone numbers masked) or operator (all but owning); 22023 for another level';
