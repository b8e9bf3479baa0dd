"""Databases of an earlier release, to be updated: its script, and a dump of what fill.sql made with it.

The C functions of the release come from the library that MSGSTATUS_EARLIER_LIBRARY names, built of its tag for the same
PostgreSQL. Without one, the present library stands in: it reads the types, and refuses
calls, because the tables are of a version that it does not serve.
"""

import lzma
import os
import pathlib
import re
import shutil
import subprocess

VERSION = "0.1.0"
LIBRARY = os.environ.get("MSGSTATUS_EARLIER_LIBRARY")
DATA = pathlib.Path(__file__).parent / "releases" / VERSION
ROLES = ["ingest", "sender", "analyst", "operator", "report", "app"]
LEVELS = ROLES[:4]
UPDATE = "ALTER EXTENSION msgstatus UPDATE"
INSTALL = "SELECT msgstatus.install()"


def stage(server):
    """Puts the files of the release beside those of the present version, and makes the roles of the dump."""
    extension, libraries = (server.stage / server._ask_pg_config(f"--{directory}").lstrip("/") for directory in ("sharedir", "pkglibdir"))
    extension /= "extension"
    script = lzma.decompress((DATA / f"msgstatus--{VERSION}.sql.xz").read_bytes()).decode()
    (extension / f"msgstatus--{VERSION}.control").write_text("module_pathname = '$libdir/msgstatus'\n", encoding="utf-8")
    [present] = libraries.glob("msgstatus-*.so")
    shutil.copyfile(LIBRARY or present, libraries / "msgstatus.so")
    if LIBRARY is None:
        script = with_functions_of(present.read_bytes(), script)
    (extension / f"msgstatus--{VERSION}.sql").write_text(script, encoding="utf-8")
    server.execute("postgres", "".join(f"CREATE ROLE updated_{role};\n" for role in ROLES))


def with_functions_of(library, script):
    """Names for each function that the present library lacks one that it has; none of them is called."""
    def symbol(match):
        name = match[3] or match[1]
        found = name if f"\0pg_finfo_{name}\0".encode() in library else "check_installation"
        return match[0][:match.end("path") - match.start()] + f", '{found}'"

    return re.sub(r"CREATE FUNCTION msgstatus\.(\w+)\((?:(?!;\n).)*?(?P<path>'MODULE_PATHNAME')(?:, '(\w+)')?", symbol, script, flags=re.DOTALL)


def restore(server, name):
    """Makes a database of the release, with all that fill.sql made, and returns its name."""
    server.create_database(name, f"CREATE EXTENSION msgstatus VERSION '{VERSION}';")
    done = subprocess.run([str(server.bindir / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo(name)],
                          input=lzma.decompress((DATA / "dump.sql.xz").read_bytes()), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return name
