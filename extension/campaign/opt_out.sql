-- opt_out() and opt_in(): phone numbers that no campaign may send to.

CREATE FUNCTION msgstatus.opt_out(phone_number text, reason text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    number text := msgstatus.normalize_address($1);
    problem text := msgstatus.phone_number_problem($1, number);
BEGIN
    PERFORM msgstatus.check_installation();
    IF problem IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = format('invalid phone number: "%s"', COALESCE($1, '')),
            DETAIL = upper(left(problem, 1)) || substr(problem, 2) || '.',
            HINT = 'Write it with its country code, such as +1 555 010 0001.';
    END IF;
    INSERT INTO msgstatus.opt_out (phone_number, reason) VALUES (number, $2) ON CONFLICT (phone_number) DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.opt_out(text, text) IS
    'Excludes a phone number from all campaigns; can be repeated, the first reason stays; 22023 for an invalid phone number';

CREATE FUNCTION msgstatus.opt_in(phone_number text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    DELETE FROM msgstatus.opt_out AS o WHERE o.phone_number = msgstatus.normalize_address($1);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION msgstatus.opt_in(text) IS
    'Removes a phone number from opt_out, and returns whether it was there; recipients skipped meanwhile stay skipped';
