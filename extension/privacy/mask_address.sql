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
