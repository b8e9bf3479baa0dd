-- Created by install(): the descriptions of your providers, and a view of all providers.

CREATE FUNCTION msgstatus.install_providers() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.provider_description (
        name text COLLATE "C" PRIMARY KEY,
        description jsonb NOT NULL,
        defined_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE msgstatus.provider_description IS
        'How the webhooks of providers are read that define_provider() defines';
    COMMENT ON COLUMN msgstatus.provider_description.name IS 'The provider, as in message';
    COMMENT ON COLUMN msgstatus.provider_description.description IS 'How its webhooks are read';
    COMMENT ON COLUMN msgstatus.provider_description.defined_at IS 'When define_provider() was called last';
    -- Announces every change to all sessions, no matter which role makes it.
    CREATE OR REPLACE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON msgstatus.provider_description
        FOR EACH STATEMENT EXECUTE FUNCTION msgstatus.announce_providers();

    CREATE OR REPLACE VIEW msgstatus.providers AS
    SELECT p.name, p.description ->> 'title' AS title, false AS is_built_in, p.description, p.defined_at
    FROM msgstatus.provider_description AS p
    UNION ALL
    SELECT b.name, b.description ->> 'title', true, b.description, NULL
    FROM (
        SELECT d.name, d.description FROM msgstatus.builtin_provider_descriptions() AS d
        UNION ALL
        -- C++ reads their statuses.
        VALUES ('meta', jsonb '{"title": "Meta WhatsApp Cloud API"}'), ('aisensy', '{"title": "AiSensy"}')
    ) AS b
    WHERE NOT EXISTS (SELECT FROM msgstatus.provider_description AS p WHERE p.name = b.name)
    ORDER BY 1;
    COMMENT ON VIEW msgstatus.providers IS
        'The providers whose webhooks are read: those that come with msgstatus, and yours';
    COMMENT ON COLUMN msgstatus.providers.name IS 'As in message.provider';
    COMMENT ON COLUMN msgstatus.providers.title IS 'Its name in full';
    COMMENT ON COLUMN msgstatus.providers.is_built_in IS 'Whether it comes with msgstatus; false for those of define_provider()';
    COMMENT ON COLUMN msgstatus.providers.description IS
        'How its webhooks are read; of meta and aisensy only a title, because they are read without a description';
    COMMENT ON COLUMN msgstatus.providers.defined_at IS 'When define_provider() was called last; NULL if it comes with msgstatus';
END
$$;
COMMENT ON FUNCTION msgstatus.install_providers() IS
    'Creates the table provider_description and the view providers; called by install()';
