-- The states by name: all of them in order, and the state that a text names.

CREATE FUNCTION msgstatus.delivery_states() RETURNS msgstatus.delivery_state[]
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ('{processing,received,pending,scheduled,accepted,queued,sending,sent,partially_delivered,skipped,canceled,'
        'failed,undelivered,delivered,read,played}')::msgstatus.delivery_state[]
$$;
COMMENT ON FUNCTION msgstatus.delivery_states() IS 'All states, in ascending order';

CREATE FUNCTION msgstatus.state_named(label text) RETURNS msgstatus.delivery_state
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN label::msgstatus.delivery_state;
EXCEPTION
    WHEN invalid_text_representation THEN
        RETURN NULL;
END
$$;
COMMENT ON FUNCTION msgstatus.state_named(text) IS
    'The state that a label or synonym names, in any case; NULL for another text';
