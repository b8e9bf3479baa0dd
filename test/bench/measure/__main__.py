"""Runs the sections named on the command line, or all, beside the server that test/bench/run started."""

import sys

import database
import report


def main(names):
    """main does run the sections in a fixed order."""
    environment = report.environment()
    report.write("environment", environment)
    sections = [name for name in ("size", "db", "redelivery", "receiver") if not names or name in names]
    if sections != ["size"]:
        database.load()
    for name in sections:
        print(f"=== {name}", flush=True)
        __import__(name).run()


if __name__ == "__main__":
    main(sys.argv[1:])
