-- The providers' error codes. Providers call them subject to change, so they stand in a table whose rows users may change;
-- install() adds rows that are missing and leaves the others alone.
-- Sources: developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes, twilio.com/docs/api/errors,
-- developer.vonage.com/en/api-errors/messages and .../messaging/sms/guides/delivery-receipts, docs.gupshup.io/docs/error-and-status-messages,
-- developers.telnyx.com/docs/messaging/messages/error-codes, plivo.com/docs/messaging/troubleshooting/error-codes,
-- infobip.com/docs/developer-resources/api-fundamentals/error-code-reference, developers.sinch.com/docs/sms (delivery receipt codes).

CREATE FUNCTION msgstatus.code_provider(provider text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE -- not STRICT, so that it is inlined
    BEGIN ATOMIC
        SELECT CASE WHEN provider IS NULL OR provider IN ('360dialog', 'aisensy', 'aws', 'bird', 'interakt', 'wati', 'ycloud') THEN 'meta' ELSE provider END;
    END;
COMMENT ON FUNCTION msgstatus.code_provider(text) IS
    'The provider under which error_code_catalog has the codes of a provider: meta for those that pass Meta''s codes on';

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
    COMMENT ON COLUMN msgstatus.error_code_catalog.provider IS 'The provider whose codes these are; meta''s are also those of 360dialog, aisensy, aws, bird, interakt, wati and ycloud, and those from 130000 on of every provider that has no row of its own for the code';
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
        ('twilio', '{20429}', 'too many concurrent requests', true, 'back off'),
        -- From 1000 on the codes of the Messages API, below 100 those of delivery receipts of the SMS API.
        ('vonage', '{1000}', 'throttled', true, 'back off'),
        ('vonage', '{1010,1020,1021}', 'bad parameter', false, NULL),
        ('vonage', '{1022}', 'template problem', false, 'after a fix'),
        ('vonage', '{1030}', 'internal error', true, 'back off'),
        ('vonage', '{1040}', 'message could not be processed', false, NULL),
        ('vonage', '{1050}', 'number barred', false, NULL),
        ('vonage', '{1060}', 'account barred', false, 'after a fix'),
        ('vonage', '{1070}', 'quota or credit exhausted', false, 'after a fix'),
        ('vonage', '{1080}', 'account not enabled for the API', false, 'after a fix'),
        ('vonage', '{1090}', 'message too long', false, NULL),
        ('vonage', '{1100}', 'communication failed', true, 'back off'),
        ('vonage', '{1120}', 'sender refused', false, 'after a fix'),
        ('vonage', '{1130}', 'bad time to live', false, NULL),
        ('vonage', '{1}', 'unknown error', true, 'once'),
        ('vonage', '{2}', 'subscriber absent for now', true, 'later'),
        ('vonage', '{3}', 'subscriber absent for good', false, NULL),
        ('vonage', '{4}', 'barred by the recipient', false, NULL),
        ('vonage', '{5}', 'number was ported', true, 'once'),
        ('vonage', '{6}', 'taken for spam', false, NULL),
        ('vonage', '{7}', 'handset busy', true, 'later'),
        ('vonage', '{8}', 'network error', true, 'later'),
        ('vonage', '{9}', 'invalid number', false, NULL),
        ('vonage', '{10}', 'invalid message', false, NULL),
        ('vonage', '{11}', 'no route', false, NULL),
        ('vonage', '{12}', 'destination unreachable', true, 'later'),
        ('vonage', '{13}', 'age restriction', false, NULL),
        ('vonage', '{14}', 'blocked by the carrier', false, NULL),
        ('vonage', '{15}', 'prepaid credit of the recipient is used up', false, NULL),
        ('vonage', '{16,50,51,52,53,54}', 'quota, filter or regulation', false, 'after a fix'),
        ('vonage', '{99}', 'general error', true, 'once'),
        ('gupshup', '{500}', 'internal error', true, 'back off'),
        ('gupshup', '{1001}', 'bot and sender do not match', false, 'after a fix'),
        ('gupshup', '{1002}', 'number is not on WhatsApp', false, NULL),
        ('gupshup', '{1003}', 'balance too low', false, 'after a fix'),
        ('gupshup', '{1004,1005,1006,1007,1008}', '24 hour window closed', false, 'use a template that the recipient has opted in for'),
        ('gupshup', '{1010,1011}', 'invalid media', false, 'after a fix'),
        ('gupshup', '{1012}', 'recipient opted out', false, 'never'),
        ('gupshup', '{4001}', 'rate limit', true, 'back off'),
        ('gupshup', '{4002}', 'invalid response from WhatsApp', true, 'once'),
        ('gupshup', '{4003,4005}', 'template problem', false, 'after a fix'),
        ('gupshup', '{4004}', 'only on the Cloud API', false, NULL),
        ('telnyx', '{40001}', 'landline or no route', false, NULL),
        ('telnyx', '{40002}', 'blocked as spam for now', true, 'send more slowly'),
        ('telnyx', '{40003}', 'sender blocked as spam', false, 'after a fix'),
        ('telnyx', '{40004}', 'rejected by the destination', true, 'later'),
        ('telnyx', '{40005}', 'expired before delivery', true, 'later'),
        ('telnyx', '{40006}', 'carrier of the recipient is down', true, 'back off'),
        ('telnyx', '{40008}', 'undeliverable', false, NULL),
        ('telnyx', '{40009}', 'invalid content', false, NULL),
        ('telnyx', '{40011}', 'rate limit', true, 'back off'),
        ('telnyx', '{40300}', 'recipient opted out', false, 'never'),
        ('plivo', '{10}', 'invalid message', false, NULL),
        ('plivo', '{20}', 'network error', true, 'later'),
        ('plivo', '{30}', 'taken for spam', false, NULL),
        ('plivo', '{40}', 'invalid sender', false, 'after a fix'),
        ('plivo', '{50}', 'invalid number', false, NULL),
        ('plivo', '{60}', 'loop detected', false, NULL),
        ('plivo', '{70}', 'destination unavailable for good', false, NULL),
        ('plivo', '{80}', 'destination unavailable for now', true, 'later'),
        ('plivo', '{90}', 'no route', false, NULL),
        ('plivo', '{100}', 'prohibited by the carrier', false, NULL),
        ('plivo', '{110}', 'message too long', false, NULL),
        ('plivo', '{200}', 'recipient opted out', false, 'never'),
        ('plivo', '{300}', 'could not be handed over', true, 'later'),
        ('plivo', '{900}', 'credit used up', false, 'after a fix'),
        ('plivo', '{910}', 'account disabled', false, 'after a fix'),
        ('plivo', '{1000}', 'unknown error', true, 'once'),
        -- Infobip documents for each code whether it is permanent.
        ('infobip', '{1}', 'subscriber unknown', false, NULL),
        ('infobip', '{5}', 'subscriber unidentified', false, NULL),
        ('infobip', '{6,27}', 'subscriber absent', true, 'later'),
        ('infobip', '{9}', 'illegal subscriber', false, NULL),
        ('infobip', '{11}', 'SMS not provisioned', false, NULL),
        ('infobip', '{13}', 'barred', false, NULL),
        ('infobip', '{31}', 'handset busy', true, 'later'),
        ('infobip', '{32}', 'delivery failed at the handset', true, 'later'),
        ('infobip', '{34}', 'system failure of the network', true, 'later'),
        ('sinch', '{402}', 'no route', false, NULL),
        ('sinch', '{403}', 'internal error', true, 'back off'),
        ('sinch', '{404}', 'temporary failure', true, 'later'),
        ('sinch', '{405}', 'parameter of a template without a value', false, 'after a fix'),
        ('sinch', '{406}', 'expired before it was handed over', true, 'later'),
        ('sinch', '{407}', 'canceled', false, NULL),
        ('sinch', '{408}', 'rejected', false, NULL),
        ('sinch', '{410,412,413}', 'sender, region or account not enabled', false, 'after a fix'),
        ('sinch', '{411}', 'message too long', false, NULL)
    ) AS c (provider, codes, meaning, retryable, advice)
    ON CONFLICT (provider, code) DO NOTHING;
    -- Gupshup reports its own codes and Meta's. Small numbers are its own: Enterprise's 004 is no throughput limit.
    INSERT INTO msgstatus.error_code_catalog (provider, code, meaning, retryable, advice)
    SELECT 'gupshup', c.code, c.meaning, c.retryable, c.advice FROM msgstatus.error_code_catalog AS c WHERE c.provider = 'meta' AND c.code >= 130000
    ON CONFLICT (provider, code) DO NOTHING;
END
$$;
COMMENT ON FUNCTION msgstatus.install_error_code_catalog() IS
    'Makes and fills the table error_code_catalog; called by install()';
