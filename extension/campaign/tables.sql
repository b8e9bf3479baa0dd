-- Created by install(): campaigns, their recipients, and the phone numbers that opted out. The outcome of a message is not
-- stored in these tables: it is derived from `message`, by message_id.

CREATE FUNCTION msgstatus.install_campaigns() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS msgstatus.campaign (
        campaign_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        owner text NOT NULL DEFAULT CURRENT_USER,
        name text NOT NULL CHECK (name <> ''),
        status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused', 'completed', 'canceled')),
        provider text COLLATE "C",
        template_name text,
        language_code text,
        daily_send_limit integer CHECK (daily_send_limit > 0),
        time_zone text NOT NULL DEFAULT 'UTC' CHECK ((timestamp '2000-01-01' AT TIME ZONE time_zone) IS NOT NULL),
        max_retries integer NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
        retry_delay interval NOT NULL DEFAULT '5 minutes' CHECK (retry_delay >= '0'),
        max_retry_delay interval NOT NULL DEFAULT '6 hours' CHECK (max_retry_delay >= '0'),
        retry_window interval NOT NULL DEFAULT '1 day' CHECK (retry_window >= '0'),
        first_send_date date,
        starts_at timestamptz,
        send_from time,
        send_until time,
        sends_per_second integer CHECK (sends_per_second > 0),
        sender text COLLATE "C",
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        activated_at timestamptz,
        paused_at timestamptz,
        completed_at timestamptz,
        canceled_at timestamptz,
        UNIQUE (owner, name),
        CHECK (num_nulls(send_from, send_until) <> 1 AND (send_from <> send_until) IS NOT FALSE)
    );
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
        WHERE a.attrelid = 'msgstatus.campaign'::regclass AND a.attname = 'starts_at' AND NOT a.attisdropped)
    THEN
        ALTER TABLE msgstatus.campaign
            ADD COLUMN first_send_date date,
            ADD COLUMN starts_at timestamptz,
            ADD COLUMN send_from time,
            ADD COLUMN send_until time,
            ADD COLUMN sends_per_second integer CHECK (sends_per_second > 0),
            ADD COLUMN sender text COLLATE "C",
            ADD CHECK (num_nulls(send_from, send_until) <> 1 AND (send_from <> send_until) IS NOT FALSE);
    END IF;
    COMMENT ON TABLE msgstatus.campaign IS 'One row for each campaign: a template, sent to many recipients';
    COMMENT ON COLUMN msgstatus.campaign.campaign_id IS 'Key';
    COMMENT ON COLUMN msgstatus.campaign.owner IS
        'The owner, in terms of the sender; by default the role that created the campaign';
    COMMENT ON COLUMN msgstatus.campaign.name IS 'The name, unique for each owner';
    COMMENT ON COLUMN msgstatus.campaign.status IS 'draft, active, paused, completed or canceled';
    COMMENT ON COLUMN msgstatus.campaign.provider IS
        'The provider with which messages are registered, as in the view providers; NULL: their webhooks set it';
    COMMENT ON COLUMN msgstatus.campaign.template_name IS 'The provider''s name of the template';
    COMMENT ON COLUMN msgstatus.campaign.language_code IS 'The language of the template, as the provider writes it';
    COMMENT ON COLUMN msgstatus.campaign.daily_send_limit IS
        'How many recipients may be handed to senders in a day; NULL: any number';
    COMMENT ON COLUMN msgstatus.campaign.time_zone IS 'The time zone of its days';
    COMMENT ON COLUMN msgstatus.campaign.max_retries IS 'The max_retries of added recipients';
    COMMENT ON COLUMN msgstatus.campaign.retry_delay IS
        'The time from a failure to the first retry; doubled for each further retry';
    COMMENT ON COLUMN msgstatus.campaign.max_retry_delay IS 'The longest time from a failure to a retry';
    COMMENT ON COLUMN msgstatus.campaign.retry_window IS 'How long after a send a failure still leads to a retry';
    COMMENT ON COLUMN msgstatus.campaign.first_send_date IS
        'The first day that recipients may be given, as activate_campaign was told; NULL: any';
    COMMENT ON COLUMN msgstatus.campaign.starts_at IS 'When the first recipient may be handed out; NULL: once the campaign is active';
    COMMENT ON COLUMN msgstatus.campaign.send_from IS
        'When the sending hours begin, in the time zone of the campaign; NULL: senders get recipients at any hour';
    COMMENT ON COLUMN msgstatus.campaign.send_until IS
        'When the sending hours end; before send_from, they end on the next day';
    COMMENT ON COLUMN msgstatus.campaign.sends_per_second IS
        'How many recipients may be handed out in a second; NULL: any number';
    COMMENT ON COLUMN msgstatus.campaign.sender IS
        'The number or address that the campaign is sent from, whose limit in sender_limit it shares; NULL: unknown';
    COMMENT ON COLUMN msgstatus.campaign.created_at IS 'When the campaign was created';
    COMMENT ON COLUMN msgstatus.campaign.updated_at IS 'When the status last changed';
    COMMENT ON COLUMN msgstatus.campaign.activated_at IS 'When the campaign was last activated or resumed';
    COMMENT ON COLUMN msgstatus.campaign.paused_at IS 'When the campaign was last paused';
    COMMENT ON COLUMN msgstatus.campaign.completed_at IS 'When the campaign was completed';
    COMMENT ON COLUMN msgstatus.campaign.canceled_at IS 'When the campaign was canceled';

    CREATE TABLE IF NOT EXISTS msgstatus.campaign_recipient (
        recipient_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        campaign_id uuid NOT NULL REFERENCES msgstatus.campaign ON DELETE CASCADE,
        recipient_number bigint GENERATED ALWAYS AS IDENTITY,
        phone_number text COLLATE "C" NOT NULL,
        template_parameters jsonb,
        external_id text,
        scheduled_send_date date,
        planned_send_date date,
        waiting boolean NOT NULL DEFAULT true,
        claimed_at timestamptz,
        due_at timestamptz,
        check_at timestamptz,
        claims integer NOT NULL DEFAULT 0,
        attempt_claim integer,
        message_id text COLLATE "C",
        sent_at timestamptz,
        failed_at timestamptz,
        failure_code integer,
        failure_reason text,
        skipped_at timestamptz,
        skip_reason text,
        retry_count integer NOT NULL DEFAULT 0,
        max_retries integer NOT NULL DEFAULT 0 CHECK (max_retries >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (campaign_id, phone_number)
    );
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
        WHERE a.attrelid = 'msgstatus.campaign_recipient'::regclass AND a.attname = 'claims' AND NOT a.attisdropped)
    THEN
        ALTER TABLE msgstatus.campaign_recipient
            ADD COLUMN external_id text,
            ADD COLUMN planned_send_date date,
            ADD COLUMN claims integer NOT NULL DEFAULT 0,
            ADD COLUMN attempt_claim integer;
        -- Nothing tells which of the dates were set by hand. They move with the limit, as most were planned.
        UPDATE msgstatus.campaign_recipient AS r SET planned_send_date = r.scheduled_send_date
        WHERE r.waiting AND r.scheduled_send_date IS NOT NULL;
    END IF;
    -- Partial, so that recording a send changes no key that foreign keys refer to.
    CREATE UNIQUE INDEX IF NOT EXISTS campaign_recipient_message ON msgstatus.campaign_recipient (message_id)
        WHERE message_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS campaign_recipient_waiting
        ON msgstatus.campaign_recipient (campaign_id, scheduled_send_date, recipient_number) WHERE waiting;
    CREATE INDEX IF NOT EXISTS campaign_recipient_due ON msgstatus.campaign_recipient (campaign_id, due_at)
        WHERE due_at IS NOT NULL;
    CREATE INDEX IF NOT EXISTS campaign_recipient_to_check ON msgstatus.campaign_recipient (campaign_id, check_at)
        WHERE check_at IS NOT NULL;
    COMMENT ON INDEX msgstatus.campaign_recipient_message IS 'Allows a message for one recipient only';
    COMMENT ON INDEX msgstatus.campaign_recipient_waiting IS 'Finds recipients whose first send is due';
    COMMENT ON INDEX msgstatus.campaign_recipient_due IS 'Finds recipients whose retry is due or whose lease has expired';
    COMMENT ON INDEX msgstatus.campaign_recipient_to_check IS 'Finds recipients whose message may have failed meanwhile';
    COMMENT ON TABLE msgstatus.campaign_recipient IS
        'One row for each recipient of a campaign, with its current attempt; the outcome of the message is in message';
    COMMENT ON COLUMN msgstatus.campaign_recipient.recipient_id IS 'Key';
    COMMENT ON COLUMN msgstatus.campaign_recipient.campaign_id IS 'The campaign';
    COMMENT ON COLUMN msgstatus.campaign_recipient.recipient_number IS
        'The position, ascending in the order of the added lists';
    COMMENT ON COLUMN msgstatus.campaign_recipient.phone_number IS 'As +<digits>; once in a campaign';
    COMMENT ON COLUMN msgstatus.campaign_recipient.template_parameters IS 'The values of the template for this recipient';
    COMMENT ON COLUMN msgstatus.campaign_recipient.external_id IS 'Your own id of the recipient, shown in views as it is';
    COMMENT ON COLUMN msgstatus.campaign_recipient.scheduled_send_date IS
        'The first day of the send; NULL before the campaign is activated';
    COMMENT ON COLUMN msgstatus.campaign_recipient.planned_send_date IS
        'The first day as the campaign planned it; another scheduled_send_date was set by hand, and does not move with the limit';
    COMMENT ON COLUMN msgstatus.campaign_recipient.waiting IS 'Whether the recipient was never claimed, sent to or skipped';
    COMMENT ON COLUMN msgstatus.campaign_recipient.claimed_at IS 'When a sender that has not reported yet claimed the recipient';
    COMMENT ON COLUMN msgstatus.campaign_recipient.due_at IS 'When the lease expires or the retry is due';
    COMMENT ON COLUMN msgstatus.campaign_recipient.check_at IS 'When to check next whether the message failed';
    COMMENT ON COLUMN msgstatus.campaign_recipient.claims IS
        'How many times the recipient was handed out, which is the number of the latest claim';
    COMMENT ON COLUMN msgstatus.campaign_recipient.attempt_claim IS
        'The claim whose report made the current attempt; NULL: the report named none';
    COMMENT ON COLUMN msgstatus.campaign_recipient.message_id IS 'The message of the current attempt';
    COMMENT ON COLUMN msgstatus.campaign_recipient.sent_at IS 'When the send of the current attempt was recorded';
    COMMENT ON COLUMN msgstatus.campaign_recipient.failed_at IS
        'When the rejection of the current attempt by the provider was recorded';
    COMMENT ON COLUMN msgstatus.campaign_recipient.failure_code IS
        'The provider''s code for the rejection; see error_code_catalog';
    COMMENT ON COLUMN msgstatus.campaign_recipient.failure_reason IS 'The sender''s words for the rejection';
    COMMENT ON COLUMN msgstatus.campaign_recipient.skipped_at IS 'When the recipient was skipped';
    COMMENT ON COLUMN msgstatus.campaign_recipient.skip_reason IS 'Why the recipient was skipped';
    COMMENT ON COLUMN msgstatus.campaign_recipient.retry_count IS 'The number of attempts before the current one';
    COMMENT ON COLUMN msgstatus.campaign_recipient.max_retries IS 'The most retries';
    COMMENT ON COLUMN msgstatus.campaign_recipient.created_at IS 'When the recipient was added';
    COMMENT ON COLUMN msgstatus.campaign_recipient.updated_at IS 'When the row last changed';

    CREATE TABLE IF NOT EXISTS msgstatus.campaign_attempt (
        campaign_id uuid NOT NULL,
        recipient_id uuid NOT NULL REFERENCES msgstatus.campaign_recipient ON DELETE CASCADE,
        attempt integer NOT NULL,
        message_id text COLLATE "C" UNIQUE,
        sent_at timestamptz,
        failed_at timestamptz,
        failure_code integer,
        failure_reason text,
        claim integer,
        PRIMARY KEY (recipient_id, attempt)
    );
    IF NOT EXISTS (SELECT FROM pg_attribute AS a
        WHERE a.attrelid = 'msgstatus.campaign_attempt'::regclass AND a.attname = 'claim' AND NOT a.attisdropped)
    THEN
        ALTER TABLE msgstatus.campaign_attempt ADD COLUMN claim integer;
    END IF;
    CREATE INDEX IF NOT EXISTS campaign_attempt_campaign ON msgstatus.campaign_attempt (campaign_id);
    COMMENT ON INDEX msgstatus.campaign_attempt_campaign IS 'Finds the attempts of one campaign';
    COMMENT ON TABLE msgstatus.campaign_attempt IS
        'The earlier attempts at retried recipients; the current attempt is in campaign_recipient';
    COMMENT ON COLUMN msgstatus.campaign_attempt.campaign_id IS 'The campaign';
    COMMENT ON COLUMN msgstatus.campaign_attempt.recipient_id IS 'The recipient';
    COMMENT ON COLUMN msgstatus.campaign_attempt.attempt IS 'The number of the attempt, from 1';
    COMMENT ON COLUMN msgstatus.campaign_attempt.message_id IS 'The message, if the provider accepted it';
    COMMENT ON COLUMN msgstatus.campaign_attempt.sent_at IS 'When the send was recorded';
    COMMENT ON COLUMN msgstatus.campaign_attempt.failed_at IS 'When the rejection by the provider was recorded';
    COMMENT ON COLUMN msgstatus.campaign_attempt.failure_code IS 'The provider''s code for the rejection; see error_code_catalog';
    COMMENT ON COLUMN msgstatus.campaign_attempt.failure_reason IS 'The sender''s words for the rejection';
    COMMENT ON COLUMN msgstatus.campaign_attempt.claim IS 'The claim whose report made the attempt; NULL: the report named none';

    CREATE TABLE IF NOT EXISTS msgstatus.campaign_day (
        campaign_id uuid NOT NULL REFERENCES msgstatus.campaign ON DELETE CASCADE,
        day date NOT NULL,
        claimed integer NOT NULL,
        PRIMARY KEY (campaign_id, day)
    );
    COMMENT ON TABLE msgstatus.campaign_day IS
        'The used part of the daily limit of a campaign; claims lock the row of their day';
    COMMENT ON COLUMN msgstatus.campaign_day.campaign_id IS 'The campaign, which has a daily limit';
    COMMENT ON COLUMN msgstatus.campaign_day.day IS 'The day, in the time zone of the campaign';
    COMMENT ON COLUMN msgstatus.campaign_day.claimed IS 'The number of sends handed out';

    CREATE TABLE IF NOT EXISTS msgstatus.sender_limit (
        sender text COLLATE "C" PRIMARY KEY,
        daily_send_limit integer NOT NULL CHECK (daily_send_limit > 0),
        time_zone text NOT NULL CHECK ((timestamp '2000-01-01' AT TIME ZONE time_zone) IS NOT NULL)
    );
    COMMENT ON TABLE msgstatus.sender_limit IS 'The daily limits of sender numbers, each shared by the campaigns of its number';
    COMMENT ON COLUMN msgstatus.sender_limit.sender IS 'The sender of campaigns, as normalize_address writes it';
    COMMENT ON COLUMN msgstatus.sender_limit.daily_send_limit IS
        'How many recipients of all its campaigns may be handed out in a day';
    COMMENT ON COLUMN msgstatus.sender_limit.time_zone IS 'The time zone of its days';

    CREATE TABLE IF NOT EXISTS msgstatus.sender_day (
        sender text COLLATE "C" NOT NULL REFERENCES msgstatus.sender_limit ON DELETE CASCADE,
        day date NOT NULL,
        claimed integer NOT NULL,
        PRIMARY KEY (sender, day)
    );
    COMMENT ON TABLE msgstatus.sender_day IS
        'The used part of the daily limit of a sender number; claims lock the row of their day, after that of their campaign';
    COMMENT ON COLUMN msgstatus.sender_day.sender IS 'The sender, which has a daily limit';
    COMMENT ON COLUMN msgstatus.sender_day.day IS 'The day, in the time zone of sender_limit';
    COMMENT ON COLUMN msgstatus.sender_day.claimed IS 'The number of sends handed out';

    CREATE TABLE IF NOT EXISTS msgstatus.campaign_pace (
        campaign_id uuid PRIMARY KEY REFERENCES msgstatus.campaign ON DELETE CASCADE,
        sends numeric NOT NULL,
        counted_at timestamptz NOT NULL
    );
    COMMENT ON TABLE msgstatus.campaign_pace IS
        'The sends that a campaign with sends_per_second has left; they grow until they are those of a second. Claims lock the row';
    COMMENT ON COLUMN msgstatus.campaign_pace.campaign_id IS 'The campaign';
    COMMENT ON COLUMN msgstatus.campaign_pace.sends IS 'How many sends were left';
    COMMENT ON COLUMN msgstatus.campaign_pace.counted_at IS 'When so many were left';

    IF NOT EXISTS (SELECT FROM pg_trigger AS t
        WHERE t.tgrelid = 'msgstatus.campaign'::regclass AND t.tgname = 'campaign_limit_changed') THEN
        CREATE TRIGGER campaign_limit_changed AFTER UPDATE OF daily_send_limit ON msgstatus.campaign
            FOR EACH ROW WHEN (OLD.daily_send_limit IS DISTINCT FROM NEW.daily_send_limit)
            EXECUTE FUNCTION msgstatus.campaign_limit_changed();
        COMMENT ON TRIGGER campaign_limit_changed ON msgstatus.campaign IS
            'Moves waiting recipients to the days that the new limit gives them';
    END IF;

    CREATE TABLE IF NOT EXISTS msgstatus.opt_out (
        phone_number text COLLATE "C" PRIMARY KEY,
        reason text,
        opted_out_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE msgstatus.opt_out IS 'Phone numbers that no campaign may send to';
    COMMENT ON COLUMN msgstatus.opt_out.phone_number IS 'As +<digits>';
    COMMENT ON COLUMN msgstatus.opt_out.reason IS 'The reason, or how the opt-out was given';
    COMMENT ON COLUMN msgstatus.opt_out.opted_out_at IS 'When the opt-out was recorded';

    CREATE TABLE IF NOT EXISTS msgstatus.opt_out_word (word text COLLATE "C" PRIMARY KEY);
    COMMENT ON TABLE msgstatus.opt_out_word IS 'The replies that opt their sender out, as set_opt_out_words sets them; none by default';
    COMMENT ON COLUMN msgstatus.opt_out_word.word IS 'In lower case, without spaces and punctuation around it';
END
$$;
COMMENT ON FUNCTION msgstatus.install_campaigns() IS
    'Creates the tables of campaigns and opt_out; called by install()';
