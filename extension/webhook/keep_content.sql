-- keep_content(): decides whether the content of a provider's incoming messages is stored.

CREATE FUNCTION msgstatus.keep_content(provider text, keep boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM msgstatus.check_installation();
    IF keep_content.provider IS NULL OR keep IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'provider and keep must not be null';
    END IF;
    -- A misspelt name would leave texts stored that the caller believes to be kept out.
    IF keep_content.provider <> '' AND NOT EXISTS (SELECT FROM msgstatus.providers AS p WHERE p.name = keep_content.provider) THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown provider "%s"', keep_content.provider),
            HINT = 'The view providers lists them; the empty text stands for messages whose provider is unknown.';
    END IF;
    INSERT INTO msgstatus.content_setting AS s (provider, keep) VALUES (keep_content.provider, keep_content.keep)
    ON CONFLICT ON CONSTRAINT content_setting_pkey DO UPDATE SET keep = excluded.keep;
END
$$;
COMMENT ON FUNCTION msgstatus.keep_content(text, boolean) IS
    'Sets whether the texts and media of a provider''s incoming messages are stored, as they are by default; content that is already stored stays';
