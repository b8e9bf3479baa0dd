-- The providers' error codes. Providers call them subject to change, so they stand in a table whose rows users may change;
-- install() adds rows that are missing and leaves the others alone.
-- Sources: developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes, twilio.com/docs/api/errors.

CREATE FUNCTION msgstatus.install_error_code_catalog() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.error_code_catalog (
        provider text COLLATE "C" NOT NULL,
        code integer NOT NULL,
        meaning text NOT NULL,
        retryable boolean NOT NULL,
        advice text,
        PRIMARY KEY (provider, code)
    );
    COMMENT ON TABLE msgstatus.error_code_catalog IS
        'What the providers'' error codes mean, and whether the same message to the same recipient is worth another try';
    COMMENT ON COLUMN msgstatus.error_code_catalog.provider IS 'meta (also for what passes Meta''s codes on) or twilio';
    COMMENT ON COLUMN msgstatus.error_code_catalog.code IS 'The provider''s number';
    COMMENT ON COLUMN msgstatus.error_code_catalog.meaning IS 'In a few words';
    COMMENT ON COLUMN msgstatus.error_code_catalog.retryable IS 'Is the same message worth another try, without a fix?';
    COMMENT ON COLUMN msgstatus.error_code_catalog.advice IS 'When, or after what';

    INSERT INTO msgstatus.error_code_catalog (provider, code, meaning, retryable, advice)
    SELECT c.provider, unnest(c.codes), c.meaning, c.retryable, c.advice
    FROM (VALUES
        ('meta', '{0,190}'::integer[], 'authentication failed', false, 'fix the access token first'),
        ('meta', '{10}', 'permission missing', false, 'fix the permission first'),
        ('meta', ARRAY(SELECT generate_series(200, 299)), 'permission missing', false, 'fix the permission first'),
        ('meta', '{2,131016,133004}', 'service unavailable', true, 'back off'),
        ('meta', '{131000}', 'unknown error', true, 'back off'),
        ('meta', '{4,80007,130429}', 'throughput limit reached', true, 'back off'),
        ('meta', '{131056}', 'too many messages to this recipient', true, 'later'),
        ('meta', '{131057}', 'account in maintenance', true, 'after minutes'),
        ('meta', '{134101}', 'template still syncing', true, 'after 10 minutes'),
        ('meta', '{131048}', 'spam rate limit', false, 'pause sending'),
        ('meta', '{100,131008,131009}', 'bad parameter', false, NULL),
        ('meta', '{131051}', 'unsupported message type', false, NULL),
        ('meta', '{131021}', 'recipient is the sender', false, NULL),
        ('meta', '{131026}', 'message undeliverable', false, NULL),
        ('meta', '{130472}', 'recipient is part of an experiment', false, NULL),
        ('meta', '{130497}', 'country restricted', false, NULL),
        ('meta', '{368}', 'blocked for policy violations', false, NULL),
        ('meta', '{131031}', 'account locked', false, NULL),
        ('meta', '{131042}', 'payment problem', false, 'after a fix'),
        ('meta', '{134011}', 'terms not accepted', false, 'after a fix'),
        ('meta', '{131047}', '24 hour window closed', false, 'use a template'),
        ('meta', '{131049}', 'not delivered to keep the ecosystem healthy', false, 'not within 24 hours'),
        ('meta', '{131050}', 'recipient stopped marketing messages', false, 'never'),
        ('meta', '{131052}', 'media download failed', false, 'after a fix'),
        ('meta', '{131053}', 'media upload failed', false, 'after a fix'),
        ('meta', '{132000,132001,132005,132007,132012,132015,132016}', 'template problem', false, 'after a fix'),
        ('meta', '{133010}', 'sender not registered', false, 'after a fix'),
        ('meta', '{135000}', 'generic user error', false, NULL),
        ('twilio', '{63016}', '24 hour window closed', false, 'use a template'),
        ('twilio', '{63003,63024}', 'invalid recipient', false, NULL),
        ('twilio', '{63014}', 'blocked by the recipient', false, NULL),
        ('twilio', '{63018}', 'rate limit of the channel', true, 'later'),
        ('twilio', '{63032}', 'recipient is part of an experiment', false, NULL),
        ('twilio', '{63049}', 'marketing message not delivered', false, 'not soon'),
        ('twilio', '{63013}', 'violates the policy of the channel', false, NULL),
        ('twilio', '{63021}', 'content refused by the channel', false, NULL),
        ('twilio', '{63015}', 'recipient has not joined the sandbox', false, NULL),
        ('twilio', '{63023}', 'generic error of the channel', true, 'once'),
        ('twilio', '{30001}', 'queue overflow', true, NULL),
        ('twilio', '{30047}', 'scheduling failed', true, NULL),
        ('twilio', '{30002}', 'account suspended', false, 'after a fix'),
        ('twilio', '{30003}', 'handset unreachable', true, NULL),
        ('twilio', '{30004}', 'message blocked', false, NULL),
        ('twilio', '{30005}', 'unknown handset', true, 'once'),
        ('twilio', '{30006}', 'landline or unreachable carrier', false, NULL),
        ('twilio', '{30007}', 'filtered by the carrier', false, NULL),
        ('twilio', '{30034}', 'sender not registered', false, NULL),
        ('twilio', '{30008}', 'unknown error', true, 'once'),
        ('twilio', '{21610}', 'recipient opted out', false, NULL),
        ('twilio', '{21211,21614}', 'invalid number', false, NULL),
        ('twilio', '{20429}', 'too many concurrent requests', true, 'back off')
    ) AS c (provider, codes, meaning, retryable, advice)
    ON CONFLICT (provider, code) DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.install_error_code_catalog() IS
    'Makes and fills the table error_code_catalog; called by install()';
