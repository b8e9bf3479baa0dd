"""Section db: calls to the database. First deliveries of statuses, as many at a time as given, from several clients."""

import statistics

from designs import CHECKED, DESIGNS, JSONB, OURS, TYPED
from report import ratios, spread, table, write
from settings import CALLS, CLIENTS, ROUNDS, SECONDS
from supply import Supply, send


def calibrate(supply, per_call, clients, designs=DESIGNS):
    """Returns how many statuses take about a round: a whole number of calls for each client."""
    step = per_call * clients
    count = max(step, 2000 // step * step)
    for _ in range(2):
        first = supply.take(count)
        rate = min(count / send(design, first, count, per_call, clients)["seconds"] for design in designs)
        count = max(step, int(min(rate * SECONDS, supply.largest)) // step * step)
        if SECONDS < 1:
            break
    return count


def measure(supply, per_call, clients):
    """Returns the measurements of each design, one a round."""
    count = calibrate(supply, per_call, clients)
    measured = {design: [] for design in DESIGNS}
    for number in range(ROUNDS):
        first = supply.take(count)
        # Who begins changes from round to round.
        for i in range(len(DESIGNS)):
            design = DESIGNS[(number + i) % len(DESIGNS)]
            measured[design].append(send(design, first, count, per_call, clients))
    return measured


def per_second(measurements):
    """Returns statuses a second, one a round."""
    return [m["statuses"] / m["seconds"] for m in measurements]


def cpu(measurements):
    """Returns microseconds of the backends' CPU time a status, one a round."""
    return [m["server_cpu"] / m["statuses"] * 1e6 for m in measurements]


def wal(measurements):
    """Returns bytes of WAL a status, without full-page images, one a round."""
    return [m["wal"] / m["statuses"] for m in measurements]


def page_images(measurements):
    """Returns the median of the bytes of full-page images a status."""
    return f"{statistics.median(m['page_images'] / m['statuses'] for m in measurements):.0f}"


def in_turn(variants, measure_one):
    """Measures two variants once a round, changing which one goes first, and returns the measurements of each."""
    measured = {variant: [] for variant in variants}
    for number in range(ROUNDS):
        for variant in variants if number % 2 == 0 else reversed(variants):
            measured[variant].append(measure_one(variant, number))
    return [measured[variant] for variant in variants]


def what_is_left(with_it, without):
    """Returns the cells of a report: both throughputs, and their ratio by the clock and by CPU time."""
    return (spread(per_second(with_it), 0), spread(per_second(without), 0), spread(ratios(per_second(with_it), per_second(without))),
            spread(ratios(cpu(without), cpu(with_it))))


def run():
    """Measures every combination and writes the report."""
    supply = Supply()
    speed, work, log = [], [], []
    for per_call in CALLS:
        for clients in CLIENTS:
            measured = measure(supply, per_call, clients)
            ours, jsonb, checked, typed = (measured[d] for d in (OURS, JSONB, CHECKED, TYPED))
            case = f"{per_call} a call, {clients} clients"
            speed.append((case, *(spread(per_second(m), 0) for m in (ours, jsonb, checked, typed)),
                          spread(ratios(per_second(ours), per_second(jsonb))),
                          spread(ratios(per_second(ours), per_second(checked))),
                          spread(ratios(per_second(ours), per_second(typed)))))
            work.append((case, *(spread(cpu(m), 1) for m in (ours, jsonb, checked, typed)),
                         spread(ratios(cpu(jsonb), cpu(ours))), spread(ratios(cpu(checked), cpu(ours))), spread(ratios(cpu(typed), cpu(ours)))))
            log.append((case, *(spread(wal(m), 0) for m in (ours, jsonb, checked, typed)), spread(ratios(wal(ours), wal(jsonb))),
                        ", ".join(page_images(m) for m in (ours, jsonb, checked, typed))))
            print(f"{case}: statuses/s {speed[-1][1:]}, CPU {work[-1][1:]}", flush=True)
    names = [design.name for design in DESIGNS]
    write("db", "\n\n".join([
        "Statuses a second, min / median / max of the rounds:",
        table(("", *names, "msgstatus : jsonb", "msgstatus : jsonb, checked", "msgstatus : typed"), speed),
        "CPU time of the backends in microseconds a status, and how many times that of msgstatus the others need:",
        table(("", *names, "jsonb : msgstatus", "jsonb, checked : msgstatus", "typed : msgstatus"), work),
        "Bytes of WAL a status without the images of whole pages that follow a checkpoint; and those, of each design:",
        table(("", *names, "msgstatus : jsonb", "page images"), log),
    ]))
