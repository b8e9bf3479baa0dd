"""Runs the sections named on the command line, or all, beside the server that test/bench/run started."""

import os
import sys

import database
import db
import profile_backend
import receiver
import redelivery
import report
import size

SECTIONS = {"size": size, "db": db, "redelivery": redelivery, "receiver": receiver}


def main(names):
    """main does run the sections in a fixed order."""
    # A call costs less over a Unix socket than over TCP, whoever makes it.
    os.environ["PGHOST"] = database.value("SHOW unix_socket_directories", "postgres").partition(",")[0]
    if names[:1] == ["--profile"]:
        database.load()
        return profile_backend.run(names[1], int(names[2]))
    report.write("environment", report.environment())
    sections = [name for name in SECTIONS if not names or name in names]
    if sections != ["size"]:
        database.load()
    for name in sections:
        print(f"=== {name}", flush=True)
        SECTIONS[name].run()


if __name__ == "__main__":
    main(sys.argv[1:])
