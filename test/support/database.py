"""A database of the tests, and transactions that are held open in it."""

import subprocess


class Database:
    """A database on the server, and what tests ask it."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.conninfo = server.conninfo(name)

    def query(self, sql):
        return self.server.query(self.name, sql)

    def execute(self, sql):
        return self.server.execute(self.name, sql)

    def states(self, *message_ids):
        """Returns the states of messages by id; without arguments, of all messages."""
        listed = ", ".join("'" + message_id + "'" for message_id in message_ids)
        condition = f"WHERE message_id IN ({listed})" if message_ids else ""
        rows = self.query(f"SELECT message_id, msgstatus.state(status)::text AS state FROM msgstatus.message {condition}")
        return {row["message_id"]: row["state"] for row in rows}

    def hold(self, sql):
        """Runs statements in a transaction that stays open until the context ends."""
        return Held(self, sql)


class Held:
    """An open transaction."""

    def __init__(self, database, sql):
        self.process = subprocess.Popen(database.server.psql(database.name), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"BEGIN; {sql}\n\\echo held\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == "held\n":
                return
        raise RuntimeError(f"cannot hold: {sql}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        """Rolls the transaction back."""
        if self.process.poll() is None:
            self.process.communicate("ROLLBACK;\n")
