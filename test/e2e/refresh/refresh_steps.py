"""What tests of the worker do with messages."""

from receiver import wait_until


class Messages:
    """The messages of a database."""

    def __init__(self, database):
        self.database = database
        self.query, self.execute, self.states = database.query, database.execute, database.states

    def called_back(self, *messages, status="sent", account=None):
        """Callbacks of Twilio's for the messages."""
        ids = ", ".join(f"'{message}'" for message in messages)
        account = f", 'AccountSid', '{account}'" if account else ""
        self.execute(f"""SELECT msgstatus.apply_message_status(jsonb_agg(jsonb_build_object('MessageSid', id, 'MessageStatus', '{status}'{account})))
                         FROM unnest(ARRAY[{ids}]) AS id""")

    def registered(self, message, age="0"):
        """A message that its sender registered so long ago, without a callback."""
        self.execute(f"""SELECT msgstatus.register_message('{message}', provider => 'twilio', direction => 'outbound');
                         UPDATE msgstatus.message SET created_at = now() - interval '{age}' WHERE message_id = '{message}';
                         SELECT msgstatus.rebuild_rollups();""")

    def request(self, *messages):
        """Asks for messages, and returns how many were asked for."""
        ids = ", ".join(f"'{message}'" for message in messages)
        return self.query(f"SELECT r.* FROM msgstatus.request_refresh(ARRAY[{ids}]::text[]) AS r")[0]["asked"]

    def row(self, message):
        """The message's state, price, segments and error code."""
        rows = self.query(f"""SELECT msgstatus.state(status)::text AS state, price, price_unit, num_segments, error_code
                              FROM msgstatus.message WHERE message_id = '{message}'""")
        return rows[0] if rows else None

    def check(self, message):
        """The message's row of refresh_status."""
        rows = self.query(f"SELECT * FROM msgstatus.refresh_status WHERE message_id = '{message}'")
        return rows[0] if rows else None

    def end_pauses(self):
        """Lets what is to be tried again be tried now."""
        self.execute("UPDATE msgstatus.refresh_queue SET next_attempt_at = now(); NOTIFY msgstatus_refresh")

    def queued(self):
        return self.query("SELECT count(*) AS n FROM msgstatus.refresh_queue")[0]["n"]

    def wait_for(self, outcome, *messages):
        """Waits until the last check of the messages has an outcome, and none of them waits."""
        ids = ", ".join(f"'{message}'" for message in messages)

        def missing():
            return self.query(f"""SELECT m.id, s.waiting, s.outcome, s.last_error FROM unnest(ARRAY[{ids}]) AS m (id)
                                  LEFT JOIN msgstatus.refresh_status AS s ON s.message_id = m.id
                                  WHERE s.outcome IS DISTINCT FROM '{outcome}' OR s.waiting""")

        wait_until(lambda: not missing(), f"{outcome}: {messages}")

    def wait_for_error(self, message, text):
        """Waits until an attempt has failed with these words, and the message is to be tried again or was given up."""
        wait_until(lambda: text in ((self.check(message) or {}).get("last_error") or ""), f"{text}: {self.check(message)}")
