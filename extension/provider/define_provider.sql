-- define_provider(), drop_provider(): providers that a team describes itself.

CREATE FUNCTION msgstatus.define_provider(name text, description jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    IF define_provider.name IS NULL OR define_provider.description IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'name and description must not be null';
    END IF;
    -- The receiver makes a path of the name.
    IF define_provider.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = format('invalid name of a provider: "%s"', left(define_provider.name, 64)),
            HINT = 'A name has up to 63 lower-case letters, digits, "_" and "-", and does not begin with "_" or "-".';
    END IF;
    IF define_provider.name IN ('meta', 'twilio', 'aisensy') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('the provider "%s" cannot be described', define_provider.name),
            HINT = 'Its webhooks are read without a description. Choose another name.';
    END IF;
    PERFORM msgstatus.check_provider_description(define_provider.name, define_provider.description);
    INSERT INTO msgstatus.provider_description AS p (name, description)
    VALUES (define_provider.name, define_provider.description)
    ON CONFLICT ON CONSTRAINT provider_description_pkey DO UPDATE
    SET description = excluded.description, defined_at = excluded.defined_at;
END
$$;
COMMENT ON FUNCTION msgstatus.define_provider(text, jsonb) IS
    'Defines how a provider''s webhooks are read, or defines it anew, in effect at once in every session; replaces a built-in description of the name; 22023 names the member that is wrong';

CREATE FUNCTION msgstatus.drop_provider(name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    DELETE FROM msgstatus.provider_description AS p WHERE p.name = drop_provider.name;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = format('no provider "%s" is defined', left(drop_provider.name, 64)),
            HINT = 'Only providers of define_provider() can be dropped: see is_built_in in the view providers.';
    END IF;
END
$$;
COMMENT ON FUNCTION msgstatus.drop_provider(text) IS
    'Forgets a provider of define_provider(); a built-in description of the name counts again; messages stay; 22023 if there is none';
