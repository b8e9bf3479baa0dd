-- What install() makes: the views that analysts read. Phone numbers are masked in all of them, for everybody, also where they stand
-- in the words of providers; ids only for who may not read them.
--
-- Views read with the rights of their owner, from whom row-level security hides nothing. So those of single rows ask sees_all(),
-- which raises where it hides rows from the caller. Being a scalar subquery in WHERE it is asked once a query, and by every query.

CREATE FUNCTION msgstatus.mask_address(address text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT CASE
            WHEN pg_catalog.length($1) OPERATOR(pg_catalog.<) 8 THEN pg_catalog.repeat('*', pg_catalog.length($1))
            ELSE pg_catalog.concat(
                pg_catalog.left($1, 3), pg_catalog.repeat('*', pg_catalog.length($1) OPERATOR(pg_catalog.-) 5),
                pg_catalog.right($1, 2))
        END;
    END;
COMMENT ON FUNCTION msgstatus.mask_address(text) IS 'The address with all but its first three and last two characters hidden; short ones wholly';

CREATE FUNCTION msgstatus.install_views() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE OR REPLACE VIEW msgstatus.message_timeline WITH (security_barrier) AS
    SELECT msgstatus.shown_id((SELECT k.key FROM msgstatus.id_key AS k), m.message_id) AS message_id,
        m.provider,
        m.direction,
        msgstatus.mask_address(m.sender) AS sender,
        msgstatus.mask_address(m.recipient) AS recipient,
        m.message_type,
        msgstatus.state(m.status) AS state,
        msgstatus.reached_at(m.status, 'sent') AS sent_at,
        msgstatus.reached_at(m.status, 'delivered') AS delivered_at,
        msgstatus.reached_at(m.status, 'read') AS read_at,
        LEAST(msgstatus.reached_at(m.status, 'failed'), msgstatus.reached_at(m.status, 'undelivered')) AS failed_at,
        msgstatus.observed_at(m.status, 'received') AS incoming_at,
        m.error_code,
        msgstatus.mask_numbers(m.error_title) AS error_title,
        c.meaning AS error_meaning,
        c.retryable AS error_retryable,
        m.created_at,
        m.updated_at
    FROM msgstatus.message AS m
    LEFT JOIN msgstatus.error_code_catalog AS c
        ON c.code = m.error_code AND c.provider = CASE m.provider WHEN 'twilio' THEN 'twilio' ELSE 'meta' END
    WHERE (SELECT msgstatus.sees_all('msgstatus.message')) IS NOT NULL;
    COMMENT ON VIEW msgstatus.message_timeline IS
        'One row for each message: its state, when it reached the usual ones, and why it failed; phone numbers masked, ids too for who may not read message';

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
COMMENT ON FUNCTION msgstatus.install_views() IS 'Makes the views; called by install()';
