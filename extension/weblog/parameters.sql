-- The parameters of the functions of the web log: one JSON object, whose values are texts or lists of texts, as they came from an
-- address. An empty text counts as not given.

CREATE FUNCTION msgstatus.weblog_check(parameters jsonb, VARIADIC known text[] DEFAULT '{}') RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    IF jsonb_typeof(parameters) IS DISTINCT FROM 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the parameters must be a JSON object';
    END IF;
    SELECT k INTO name FROM jsonb_object_keys(parameters) AS k WHERE k <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown parameter "%s"', left(name, 100)),
            HINT = CASE WHEN cardinality(known) = 0 THEN 'There are no parameters.' ELSE 'Parameters: ' || array_to_string(known, ', ') || '.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_check(jsonb, text[]) IS
    'Raises 22023 for parameters of the web log that are no object or have another member than those known';

CREATE FUNCTION msgstatus.weblog_texts(parameters jsonb, name text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value jsonb := parameters -> name;
    texts text[];
BEGIN
    IF jsonb_typeof(value) = 'object' OR jsonb_path_exists(value, 'strict $[*] ? (@.type() == "object" || @.type() == "array")', silent => true) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('parameter "%s" must be a text or a list of texts', name);
    END IF;
    texts := ARRAY(SELECT t FROM jsonb_array_elements_text(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END)
        WITH ORDINALITY AS e (t, place) WHERE btrim(t) <> '' ORDER BY e.place);
    RETURN NULLIF(texts, '{}');
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_texts(jsonb, text) IS
    'The texts of a parameter of the web log, or NULL if there are none; 22023 for another value';

CREATE FUNCTION msgstatus.weblog_text(parameters jsonb, name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    texts text[] := msgstatus.weblog_texts(parameters, name);
BEGIN
    IF cardinality(texts) > 1 THEN
        RAISE invalid_parameter_value USING MESSAGE = format('parameter "%s" takes one value', name);
    END IF;
    RETURN btrim(texts[1]);
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_text(jsonb, text) IS
    'The one text of a parameter of the web log, or NULL if it is not given; 22023 for several';

CREATE FUNCTION msgstatus.weblog_number(parameters jsonb, name text, otherwise bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value text := msgstatus.weblog_text(parameters, name);
BEGIN
    IF value !~ '^[0-9]{1,18}$' OR value::bigint NOT BETWEEN 1 AND most THEN
        RAISE invalid_parameter_value USING MESSAGE = format('parameter "%s" must be a number from 1 to %s', name, most);
    END IF;
    RETURN COALESCE(value::bigint, otherwise);
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_number(jsonb, text, bigint, bigint) IS
    'The number of a parameter of the web log, from 1 to a limit, or another if it is not given; 22023 for another text';

CREATE FUNCTION msgstatus.weblog_uuid(parameters jsonb, name text) RETURNS uuid
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN msgstatus.weblog_text(parameters, name)::uuid;
EXCEPTION
    WHEN invalid_text_representation THEN
        RAISE invalid_parameter_value USING MESSAGE = format('parameter "%s" must be a key such as 123e4567-e89b-12d3-a456-426614174000', name);
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_uuid(jsonb, text) IS
    'The key in a parameter of the web log, or NULL if it is not given; 22023 for another text';

CREATE FUNCTION msgstatus.weblog_time(parameters jsonb, name text) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value timestamptz;
BEGIN
    BEGIN
        value := msgstatus.weblog_text(parameters, name)::timestamptz;
    EXCEPTION
        WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
            value := 'infinity';
    END;
    IF NOT isfinite(value) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('parameter "%s" must be a time such as 2024-12-10T10:30:00Z', name);
    END IF;
    RETURN value;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_time(jsonb, text) IS
    'The time in a parameter of the web log, or NULL if it is not given; 22023 for another text';

-- People write numbers with blanks and without a plus.
CREATE FUNCTION msgstatus.weblog_recipient(written text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN written ~ '^\+?[0-9 ()./-]*[0-9][0-9 ()./-]*$'
        THEN '+' || regexp_replace(regexp_replace(written, '[^0-9]', '', 'g'), '^00', '')
        ELSE written END
$$;
COMMENT ON FUNCTION msgstatus.weblog_recipient(text) IS
    'The beginning of a recipient as message stores it: + and digits, or another address as it is';

CREATE TYPE msgstatus.weblog_request AS (
    filter msgstatus.message_filter,
    states msgstatus.delivery_state[],
    sort_by text,
    page_size bigint,
    after text
);
COMMENT ON TYPE msgstatus.weblog_request IS 'What a function of the web log was asked for: the messages of which states under a filter, in which order, how many, after which position';

CREATE FUNCTION msgstatus.weblog_filter_names() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{state,type,provider,direction,recipient,campaign,from,to,text}'::text[]
$$;
COMMENT ON FUNCTION msgstatus.weblog_filter_names() IS 'The parameters by which every function of the web log filters messages';

CREATE FUNCTION msgstatus.weblog_request(sees_all boolean, parameters jsonb, most bigint DEFAULT 200) RETURNS msgstatus.weblog_request
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named text[] := msgstatus.weblog_texts(parameters, 'state');
    unknown text;
    sort_by text := COALESCE(msgstatus.weblog_text(parameters, 'sort'), 'newest');
    request msgstatus.weblog_request;
BEGIN
    SELECT n INTO unknown FROM unnest(named) AS n WHERE msgstatus.state_named(btrim(n)) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('there is no state "%s"', left(unknown, 100)),
            HINT = 'States: ' || array_to_string(msgstatus.delivery_states(), ', ') || '.';
    ELSIF sort_by NOT IN ('newest', 'state') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('cannot sort by "%s"', left(sort_by, 100)), HINT = 'Sort by newest or state.';
    END IF;
    -- Raises 42501 where the role may not search for this.
    request.filter := msgstatus.message_filter(sees_all, NULL, msgstatus.weblog_text(parameters, 'type'), msgstatus.weblog_text(parameters, 'provider'),
        msgstatus.weblog_text(parameters, 'direction'), msgstatus.weblog_recipient(msgstatus.weblog_text(parameters, 'recipient')),
        msgstatus.weblog_uuid(parameters, 'campaign'), msgstatus.weblog_time(parameters, 'from'), msgstatus.weblog_time(parameters, 'to'),
        msgstatus.weblog_text(parameters, 'text'));
    -- The highest state first, each once.
    request.states := (SELECT array_agg(s.state ORDER BY s.state DESC) FROM (SELECT DISTINCT msgstatus.state_named(btrim(n)) AS state FROM unnest(named) AS n) AS s);
    request.sort_by := CASE sort_by WHEN 'newest' THEN 'time' ELSE sort_by END;
    request.page_size := msgstatus.weblog_number(parameters, 'limit', LEAST(50, most), most);
    request.after := msgstatus.weblog_position(sees_all, msgstatus.weblog_text(parameters, 'cursor'));
    RETURN request;
END
$$;
COMMENT ON FUNCTION msgstatus.weblog_request(boolean, jsonb, bigint) IS
    'What parameters of the web log ask for; 22023 for a value that means nothing, 42501 for a search that the role may not do';
