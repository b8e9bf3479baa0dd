-- The view that counts dead letters.

CREATE FUNCTION msgstatus.install_rejected_summary() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.rejected_summary WITH (security_barrier) AS
    SELECT msgstatus.mask_numbers(r.reason) AS reason,
        msgstatus.mask_numbers(r.source) AS source,
        r.provider,
        count(*) AS rejected,
        min(r.received_at) AS first_received_at,
        max(r.received_at) AS last_received_at
    FROM msgstatus.rejected_status AS r
    WHERE (SELECT msgstatus.sees_all('msgstatus.rejected_status')) IS NOT NULL
    GROUP BY msgstatus.mask_numbers(r.reason), msgstatus.mask_numbers(r.source), r.provider;
    COMMENT ON VIEW msgstatus.rejected_summary IS 'The dead letters, counted by reason, source and provider';
END
$$;
COMMENT ON FUNCTION msgstatus.install_rejected_summary() IS 'Makes the view rejected_summary; called by install()';
