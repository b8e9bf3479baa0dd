-- campaign_stats(): the numbers of one campaign.

-- Without JIT: compiling takes longer than counting.
CREATE FUNCTION msgstatus.campaign_stats(campaign uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    stats jsonb;
BEGIN
    PERFORM msgstatus.check_installation();
    SELECT to_jsonb(s) INTO stats FROM msgstatus.campaign_stats AS s WHERE s.campaign_id = campaign;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('campaign %s does not exist', COALESCE(campaign::text, 'NULL'));
    END IF;
    RETURN stats;
END
$$;
COMMENT ON FUNCTION msgstatus.campaign_stats(uuid) IS
    'The row of the view campaign_stats for one campaign, as an object; P0002 for an unknown campaign';
