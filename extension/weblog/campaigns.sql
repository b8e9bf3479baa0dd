-- weblog_campaigns(): the campaigns and their recipients, read from their views with the rights of the caller. The owner of the tables
-- chooses the page, by keys alone.

CREATE FUNCTION msgstatus.read_weblog_campaign_keys(sees_all boolean, wanted bigint, after uuid) RETURNS TABLE (campaign_id uuid, created_at timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.campaign_id, c.created_at
    FROM msgstatus.campaign AS c
    WHERE $3 IS NULL OR (c.created_at, c.campaign_id) < (SELECT a.created_at, a.campaign_id FROM msgstatus.campaign AS a WHERE a.campaign_id = $3)
    ORDER BY c.created_at DESC, c.campaign_id DESC
    LIMIT $2
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_campaign_keys(boolean, bigint, uuid) IS 'weblog_campaign_keys() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_campaign_keys(wanted bigint, after uuid) RETURNS TABLE (campaign_id uuid, created_at timestamptz)
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_campaign_keys(bigint, uuid) IS 'The newest campaigns, so many, after one of them; called by weblog_campaigns()';

CREATE FUNCTION msgstatus.read_weblog_recipient_keys(sees_all boolean, campaign uuid, wanted bigint, after uuid) RETURNS TABLE (campaign_id uuid, recipient_id uuid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.campaign_id, r.recipient_id FROM msgstatus.campaign_recipient AS r
    WHERE r.campaign_id = $2 AND ($4 IS NULL OR r.recipient_id > $4)
    ORDER BY r.recipient_id
    LIMIT $3
$$;
COMMENT ON FUNCTION msgstatus.read_weblog_recipient_keys(boolean, uuid, bigint, uuid) IS 'weblog_recipient_keys() for the owner of the tables';

CREATE FUNCTION msgstatus.weblog_recipient_keys(campaign uuid, wanted bigint, after uuid) RETURNS TABLE (campaign_id uuid, recipient_id uuid)
    LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS 'MODULE_PATHNAME', 'read_as_owner';
COMMENT ON FUNCTION msgstatus.weblog_recipient_keys(uuid, bigint, uuid) IS
    'So many recipients of a campaign, by key, after one of them; called by weblog_campaigns()';

CREATE FUNCTION msgstatus.weblog_campaigns(parameters jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' AS $$
DECLARE
    campaign uuid;
    wanted bigint;
    after uuid;
    keys uuid[];
    next uuid;
    result jsonb;
BEGIN
    PERFORM msgstatus.weblog_check(parameters, 'campaign', 'limit', 'cursor');
    campaign := msgstatus.weblog_uuid(parameters, 'campaign');
    wanted := msgstatus.weblog_number(parameters, 'limit', CASE WHEN campaign IS NULL THEN 20 ELSE 50 END, 200);
    after := msgstatus.weblog_uuid(parameters, 'cursor');
    IF campaign IS NULL THEN
        keys := ARRAY(SELECT k.campaign_id FROM msgstatus.weblog_campaign_keys(wanted + 1, after) AS k);
        next := CASE WHEN cardinality(keys) > wanted THEN keys[wanted] END;
        SELECT jsonb_agg(to_jsonb(s) ORDER BY k.place) INTO result
        FROM unnest(keys[:wanted]) WITH ORDINALITY AS k (campaign_id, place),
            LATERAL (SELECT * FROM msgstatus.campaign_stats AS s WHERE s.campaign_id = k.campaign_id OFFSET 0) AS s;
        RETURN jsonb_build_object('campaigns', COALESCE(result, '[]'), 'next', next);
    END IF;
    keys := ARRAY(SELECT k.recipient_id FROM msgstatus.weblog_recipient_keys(campaign, wanted + 1, after) AS k);
    next := CASE WHEN cardinality(keys) > wanted THEN keys[wanted] END;
    SELECT jsonb_agg(to_jsonb(s) - '{campaign_id,campaign_name,recorded,attempted}'::text[] ORDER BY s.recipient_id) INTO result
    FROM msgstatus.campaign_recipient_status AS s
    WHERE s.recipient_id = ANY (keys[:wanted]);
    -- The view masks numbers for everybody; who may read the table sees them.
    IF has_table_privilege('msgstatus.campaign_recipient', 'SELECT') THEN
        SELECT jsonb_agg(e.entry || jsonb_build_object('phone_number', r.phone_number) ORDER BY e.place) INTO result
        FROM jsonb_array_elements(result) WITH ORDINALITY AS e (entry, place)
        JOIN msgstatus.campaign_recipient AS r ON r.recipient_id = (e.entry ->> 'recipient_id')::uuid;
    END IF;
    RETURN jsonb_build_object('campaign', (SELECT to_jsonb(s) FROM msgstatus.campaign_stats AS s WHERE s.campaign_id = campaign),
        'recipients', COALESCE(result, '[]'), 'next', next);
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_campaigns(jsonb) IS
    'For the web log: the campaigns with their numbers, the newest first, or the recipients of one campaign, as their views show them; 22023 for parameters that mean nothing';
