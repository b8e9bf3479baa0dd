"""The settings of the benchmark, from the environment; test/bench/run explains them."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BENCH = ROOT / "test" / "bench"
REPORTS = pathlib.Path(os.environ["MSGSTATUS_BENCH_REPORTS"])
NODE = ROOT / "build" / "bench" / "node"

CLIENT = os.environ["MSGSTATUS_BENCH_CLIENT"]
RECEIVER = os.environ["MSGSTATUS_RECEIVER"]
CONSOLE = pathlib.Path(RECEIVER).with_name("msgstatus-console")
OTHER_RECEIVER = os.environ.get("MSGSTATUS_BENCH_OTHER_RECEIVER")  # of another build, to be measured beside it
SCRATCH = pathlib.Path(os.environ["MSGSTATUS_STAGE"])

MESSAGES = int(os.environ.get("MSGSTATUS_BENCH_MESSAGES", "1000000"))
SECONDS = float(os.environ.get("MSGSTATUS_BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("MSGSTATUS_BENCH_ROUNDS", "5"))
CALLS = [int(n) for n in os.environ.get("MSGSTATUS_BENCH_CALLS", "1 10 100 1000").split()]
CLIENTS = [int(n) for n in os.environ.get("MSGSTATUS_BENCH_CLIENTS", "1 4 16").split()]

ROLLUPS = os.environ.get("MSGSTATUS_BENCH_ROLLUPS", "on")
HISTORIES = [int(n) for n in os.environ.get("MSGSTATUS_BENCH_HISTORIES", "1000000 10000000").split()]

IMPORTED = int(os.environ.get("MSGSTATUS_BENCH_IMPORTED", "1000000"))

LOAD_RATE = float(os.environ.get("MSGSTATUS_BENCH_LOAD_RATE", "3000"))
LOAD_SECONDS = int(os.environ.get("MSGSTATUS_BENCH_LOAD_SECONDS", "300"))
OUTAGE_RATE = float(os.environ.get("MSGSTATUS_BENCH_OUTAGE_RATE", "2000"))
OUTAGE_SECONDS = int(os.environ.get("MSGSTATUS_BENCH_OUTAGE_SECONDS", "60"))
VIEWERS = int(os.environ.get("MSGSTATUS_BENCH_VIEWERS", "50"))
IDLE_CONNECTIONS = int(os.environ.get("MSGSTATUS_BENCH_IDLE_CONNECTIONS", "1000"))
