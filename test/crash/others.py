"""Other clients of the database meanwhile: the sender, which registers messages, and the housekeeping."""

import random
import threading

import psycopg2

SENDER = "crash test"
REGISTER = f"SELECT msgstatus.register_message(%s, content => 'Hello', created_by => '{SENDER}')"
# Each in a transaction of its own.
HOUSEKEEPING = ["SELECT msgstatus.maintain()", "SELECT msgstatus.replay_rejected(max_count => 50)"]
# The errors of an outage; a deadlock, or any other error, is a fault.
OUTAGES = ("08", "53", "57P", "25006")


class Others:
    """Threads that go on, whatever happens to the server; they reach it past the proxy."""

    def __init__(self, workload, conninfo):
        self.workload = workload
        self.conninfo = conninfo
        self.registered = set()
        self.unexpected = []
        self._random = random.Random(workload.seed)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(step, pause), name=step.__name__)
                         for step, pause in ((self._register, 0.01), (self._keep_house, 0.3))]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, step, pause):
        connection = None
        while not self._stopping.wait(pause):
            try:
                if connection is None:
                    connection = psycopg2.connect(self.conninfo, connect_timeout=5, options="-c statement_timeout=30s")
                    connection.autocommit = True
                with connection.cursor() as cursor:
                    step(cursor)
            except psycopg2.Error as error:
                # libpq's own errors have no code.
                if error.pgcode is not None and not error.pgcode.startswith(OUTAGES):
                    self.unexpected.append(f"{step.__name__}: {error}")
                if connection is not None:
                    connection.close()
                    connection = None
        if connection is not None:
            connection.close()

    def _register(self, cursor):
        recent = self.workload.observations[-2000:]
        if recent:
            message_id = self._random.choice(recent).message_id
            cursor.execute(REGISTER, (message_id,))
            self.registered.add(message_id)

    @staticmethod
    def _keep_house(cursor):
        for sql in HOUSEKEEPING:
            cursor.execute(sql)
