"""The console as a program under test, the people who may use it, and messages for them to see."""

import os
import pathlib
import re
import subprocess
import threading

from receiver import PROGRAM, Receiver, clean_environment

CONSOLE = os.environ.get("MSGSTATUS_CONSOLE", str(pathlib.Path(PROGRAM).with_name("msgstatus-console")))
PASSWORD = "correct horse"
# Passwords count here; the other suites' servers trust everybody.
RULES = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
PEOPLE = {"otto": "operator", "anna": "analyst", "nora": None}
MESSAGES = 130


class Console(Receiver):
    """A running console. Its flags and its log are like those of the receiver."""

    def __init__(self, database, *flags, **variables):
        command = [CONSOLE, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug",
                   "--database", database, *flags]
        self.process = subprocess.Popen(command, env=clean_environment(**variables), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.port = self.wait_for_log("listening", listener="listen")["port"]
        self.admin_port = self.wait_for_log("listening", listener="admin-listen")["port"]

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def session(self, role):
        """Signs somebody in, and returns the session."""
        answer = self.post("/api/login", {"role": role, "password": PASSWORD}, {"Origin": self.address})
        assert answer.status == 200, answer
        return re.match("msgstatus_session=([^;]+)", answer.headers["set-cookie"]).group(1)


def make_people(server):
    """Lets passwords count, and makes the roles of people."""
    server.execute("postgres", "".join(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';\n" for name in PEOPLE))
    (server.data / "pg_hba.conf").write_text(RULES, encoding="utf-8")
    server.execute("postgres", "SELECT pg_reload_conf();")


def grant_levels(database):
    for name, level in PEOPLE.items():
        if level:
            database.execute(f"SELECT msgstatus.grant_access('{name}', '{level}');")


# One message a minute, the newest a minute ago; every fifth failed. Two of three have a campaign.
SEED = f"""
SET search_path = msgstatus;
SELECT create_campaign('Spring greeting', 'greeting', 'en') AS spring \\gset
SELECT add_recipients(:'spring', ARRAY(SELECT '+4917000' || lpad(n::text, 5, '0') FROM generate_series(1, 12) AS n));
SELECT set_config('seed.campaign', :'spring', false);
DO $seed$
DECLARE
    id text;
    at timestamptz;
BEGIN
    FOR n IN 1..{MESSAGES} LOOP
        id := CASE n % 3 WHEN 1 THEN 'SM' || md5(n::text) ELSE 'wamid.' || md5(n::text) END;
        at := now() - n * interval '1 minute';
        PERFORM apply_message_status(jsonb_agg(jsonb_build_object('id', id, 'status', s.state, 'timestamp', extract(epoch FROM at + s.after)::bigint::text)
                || CASE s.state WHEN 'failed' THEN '{{"errors": [{{"code": 131026, "title": "Message undeliverable"}}]}}' ELSE '{{}}' END::jsonb),
            at + interval '1 second', 'seed')
        FROM (VALUES (0, 'queued', interval '0'), (1, 'sent', '1 second'), (2, 'delivered', '3 seconds'), (3, 'read', '47 seconds'), (4, 'failed', '2 seconds'))
            AS s (number, state, after)
        WHERE s.number <= LEAST(n % 5, 3) AND n % 5 < 4 OR n % 5 = 4 AND s.number IN (0, 4);
        PERFORM register_message(id, provider => (array['meta', 'twilio', 'aisensy'])[1 + n % 3],
            direction => CASE WHEN n % 10 = 2 THEN 'inbound' ELSE 'outbound' END, sender => '+15550100000',
            recipient => '+4917000' || lpad(n::text, 5, '0'), message_type => (array['text', 'template'])[1 + n % 2],
            metadata => jsonb_build_object('order', 'order-' || n),
            campaign_id => CASE WHEN n % 3 > 0 THEN current_setting('seed.campaign')::uuid END);
    END LOOP;
END
$seed$;
SELECT apply_message_status('{{"id": "wamid.NONE", "status": "dreamt", "timestamp": "1733826600"}}', source => 'seed');
"""
