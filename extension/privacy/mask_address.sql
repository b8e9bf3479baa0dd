-- mask_address(): phone numbers as views and analysts' functions show them, to every role.

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
COMMENT ON FUNCTION msgstatus.mask_address(text) IS 'The address with asterisks in place of all but its first three and last two characters; short addresses are hidden whole';
