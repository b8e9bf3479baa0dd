"""Runs the sections named on the command line, or all, beside the server that test/bench/run started."""

import os
import sys

import analytics
import attached
import database
import db
import features
import growth
import idle
import imports
import load
import profile_backend
import receiver
import recovery
import redelivery
import report
import rollups
import size
import weblog
from designs import DESIGNS

SECTIONS = {"size": size, "db": db, "redelivery": redelivery, "rollups": rollups, "attached": attached, "receiver": receiver,
            "load": load, "features": features, "recovery": recovery, "idle": idle, "analytics": analytics, "growth": growth,
            "weblog": weblog, "import": imports}


def main(names):
    """Runs the sections in a fixed order."""
    # A call costs less over a Unix socket than over TCP, for every design.
    os.environ["PGHOST"] = database.value("SHOW unix_socket_directories", "postgres").partition(",")[0]
    if names[:1] == ["--profile"]:
        database.load(DESIGNS)
        return profile_backend.run(names[1], int(names[2]))
    report.write("environment", report.environment())
    sections = [name for name in SECTIONS if not names or name in names]
    # Those that start with loaded tables; a section that does not say needs all.
    needed = {design for name in sections for design in getattr(SECTIONS[name], "DESIGNS", DESIGNS)}
    if needed:
        database.load([design for design in DESIGNS if design in needed])
    for name in sections:
        print(f"=== {name}", flush=True)
        SECTIONS[name].run()


if __name__ == "__main__":
    main(sys.argv[1:])
