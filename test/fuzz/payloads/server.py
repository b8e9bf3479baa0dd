"""A private server whose extension is built with AddressSanitizer and UndefinedBehaviorSanitizer."""

import pathlib
import shutil
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[3]
from pgserver import UnixSocketServer

BUILT = ROOT / "build" / "fuzz" / "server"


class SanitizedServer(UnixSocketServer):
    """The server itself has no sanitizer, so the runtime is loaded before it. What it leaks is its own affair, and what
    it knows of its stack does not go together with stacks moved to the heap."""

    def __init__(self):
        super().__init__(jit="off", autovacuum="off", log_min_messages="log")
        self.runtime = self.directory / "libasan.so"
        self.log_read = 0
        self.environment = {
            "LD_PRELOAD": f"{self.runtime}:{self.directory / 'wake.so'}",
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
        }

    def _stage_extension(self):
        super()._stage_extension()
        (library,) = self.stage.rglob("msgstatus-*.so")
        shutil.copy(BUILT / "msgstatus.so", library)
        for name in ("libasan.so", "wake.so"):
            pathlib.Path(shutil.copy(BUILT / name, self.directory)).chmod(0o755)

    def connect(self, database):
        """Returns an autocommit connection, as soon as the server takes one again after a crash."""
        for attempt in range(120):
            try:
                connection = psycopg2.connect(self.conninfo(database))
                break
            except psycopg2.OperationalError:
                if attempt == 119:
                    raise
                time.sleep(0.5)
        connection.autocommit = True
        return connection

    def new_report(self):
        """Returns a sanitizer's output since the last call, or nothing."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.log_read)
            text = log.read()
            self.log_read = log.tell()
        begin = min((at for at in (text.find("==ERROR"), text.find("runtime error:")) if at >= 0), default=None)
        return "" if begin is None else text[begin:begin + 6000]
