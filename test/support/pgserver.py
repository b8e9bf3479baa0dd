"""A private PostgreSQL server for tests, with the extension as it stands in the build tree.

Nothing is installed system-wide: the extension is staged into the server's own directory and found there through
extension_destdir (Debian's PostgreSQL up to 17) or extension_control_path (18 and later). Works as root, then the server
runs as user postgres, and as an ordinary user.

    with PgServer() as server:
        database = server.create_database("msgstatus")
        server.query(database, "SELECT 1 AS one")  # [{"one": 1}]

PG_CONFIG picks the version. As a program: `pgserver.py COMMAND...` runs a command with PGHOST, PGPORT, PGUSER and
PGDATABASE set to such a server.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL = "CREATE EXTENSION msgstatus; SELECT msgstatus.install();"


def free_port():
    """Returns a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PgServer:
    """One cluster in a directory of its own. Options become lines of postgresql.conf."""

    def __init__(self, **options):
        self.pg_config = os.environ.get("PG_CONFIG", "pg_config")
        self.bindir = pathlib.Path(self._ask_pg_config("--bindir"))
        self.version = int(self._ask_pg_config("--version").split()[1].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))
        self.as_postgres = os.geteuid() == 0
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="msgstatus-pg-"))
        self.data = self.directory / "data"
        self.stage = self.directory / "stage"
        self.log = self.directory / "log"
        self.port = free_port()
        self.has_run = False
        self.options = options
        self.initdb_options = []
        self.environment = {}  # more variables for the server's programs

    def __enter__(self):
        try:
            self._create()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def _ask_pg_config(self, question):
        return subprocess.run([self.pg_config, question], check=True, capture_output=True, text=True).stdout.strip()

    def _run(self, program, *arguments, check=True):
        command = [str(self.bindir / program), *map(str, arguments)]
        if self.environment:
            command = ["env", *(f"{name}={value}" for name, value in self.environment.items()), *command]
        if self.as_postgres:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            tail = "".join(self.log.read_text().splitlines(True)[-20:]) if self.log.exists() else ""
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}{tail}")
        return done

    def _create(self):
        self._stage_extension()
        if self.as_postgres:
            shutil.chown(self.directory, "postgres", "postgres")
        self.directory.chmod(0o755)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", *self.initdb_options)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.directory,
            "fsync": "off",  # the machine itself does not crash in these tests
            "max_connections": 50,
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._extension_settings(),
            **self.options,
        }
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in settings.items():
                conf.write(f"{name} = '{value}'\n")

    def _stage_extension(self):
        """The server's user may not be able to read the build tree, so the extension is copied next to the data."""
        staged = os.environ.get("MSGSTATUS_STAGE")
        if staged:
            shutil.copytree(staged, self.stage)
        else:
            command = ["make", "--no-print-directory", "-C", str(ROOT), "BUILD_WITH_PGXS=1", "install",
                       f"PG_CONFIG={self.pg_config}", f"DESTDIR={self.stage}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"cannot stage the extension:\n{done.stdout}{done.stderr}")

    def _extension_settings(self):
        if self.version < 18:
            return {"extension_destdir": self.stage}
        sharedir = self.stage / self._ask_pg_config("--sharedir").lstrip("/")
        libdir = self.stage / self._ask_pg_config("--pkglibdir").lstrip("/")
        return {"extension_control_path": f"{sharedir}:$system", "dynamic_library_path": f"{libdir}:$libdir"}

    def start(self):
        """Starts the server and returns when it accepts connections."""
        for attempts_left in reversed(range(20)):
            try:
                self._run("pg_ctl", "start", "-w", "-D", self.data, "-l", self.log)
                self.has_run = True
                return
            except RuntimeError as error:
                if "Address already in use" not in str(error) or attempts_left == 0:
                    raise
                self._find_free_port()

    def _find_free_port(self):
        """Somebody took the port before the server did. Once clients know it, there is only to wait until a connection gives it back."""
        if self.has_run:
            time.sleep(0.5)
            return
        self.port = free_port()
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = '{self.port}'\n")

    def stop(self, mode="fast"):
        """Stops the server; mode is that of pg_ctl."""
        self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)

    def remove(self):
        """Stops the server, if it runs, and deletes its files."""
        if self.data.exists():
            self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m", "immediate", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def conninfo(self, database="postgres", user="postgres"):
        return f"host=127.0.0.1 port={self.port} user={user} dbname={database}"

    def psql(self, database, *arguments):
        """Returns the command that runs psql on a database."""
        return [str(self.bindir / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(database), *arguments]

    def execute(self, database, sql):
        """Runs statements, each committed by itself, and returns psql's output."""
        done = subprocess.run(self.psql(database), input=sql, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{sql}\n{done.stderr}")
        return done.stdout

    def query(self, database, sql):
        """Returns the rows of one SELECT as dictionaries."""
        return json.loads(self.execute(database, f"SELECT coalesce(json_agg(q), '[]') FROM ({sql}) q"))

    def create_database(self, name, setup=INSTALL):
        """Makes a database, anew if it exists, with the extension installed, and returns its name."""
        self.execute("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE);\nCREATE DATABASE "{name}";')
        self.execute(name, setup)
        return name


class UnixSocketServer(PgServer):
    """A server on a Unix socket alone: a TCP port could be somebody else's by the time it starts, or starts again."""

    def __init__(self, **options):
        super().__init__(listen_addresses="", **options)

    def conninfo(self, database="postgres", user="postgres"):
        return f"host={self.directory} port={self.port} user={user} dbname={database}"

    @property
    def socket(self):
        return str(self.directory / f".s.PGSQL.{self.port}")


def main():
    with PgServer() as server:
        environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres",
                       "PGDATABASE": server.create_database("msgstatus")}
        return subprocess.run(sys.argv[1:] or [os.environ.get("SHELL", "sh")], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
