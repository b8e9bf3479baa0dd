"""msgstatus-refresh as a program under test."""

import os
import pathlib
import subprocess
import threading

import receiver
from receiver import PATIENCE, ROOT, Receiver, clean_environment
from twilio import ACCOUNT, KEY, SECRET

PROGRAM = (str(pathlib.Path(os.environ["MSGSTATUS_RECEIVER"]).with_name("msgstatus-refresh")) if "MSGSTATUS_RECEIVER" in os.environ
           else str(ROOT / "build/receiver/refresh/msgstatus-refresh"))


def command(database, twilio, *flags, secret=SECRET):
    """Returns the command and its environment. Times are short; nothing is asked for by itself unless flags say so."""
    variables = {"MSGSTATUS_REFRESH_TWILIO_ACCOUNT_SID": ACCOUNT, "MSGSTATUS_REFRESH_TWILIO_API_KEY": KEY}
    if secret is not None:
        variables["MSGSTATUS_REFRESH_TWILIO_API_SECRET"] = secret
    given = {flag.split("=")[0] for flag in flags}
    defaults = ["--rate=100", "--timeout=2", "--backoff=0.05", "--lease=4", "--stuck-after=0", "--reconcile-every=0",
                "--admin-listen=127.0.0.1:0", "--log-level=debug"]
    settings = [flag for flag in defaults if flag.split("=")[0] not in given]
    return [PROGRAM, "--database", database, "--twilio-api-url", twilio.url, "--ca-file", str(twilio.ca), "--log-format=json",
            *settings, *flags], clean_environment(**variables)


def run(database, twilio, *flags, **options):
    """Starts the program where it is expected to end by itself."""
    arguments, environment = command(database, twilio, *flags, **options)
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


class Refresh(Receiver):
    """A running worker."""

    def __init__(self, database, twilio, *flags, **options):  # pylint: disable=super-init-not-called
        arguments, environment = command(database, twilio, *flags, **options)
        self.process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.admin_port = self.wait_for_log("listening", listener="admin-listen")["port"]


wait_until = receiver.wait_until
