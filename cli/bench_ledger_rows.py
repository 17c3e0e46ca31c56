"""The rows that a benchmark's table has of the ledger (cli/bench_ledger.py measures them)."""

from typing import Any

from cli.bench_table import Row

BARE, WALK = "bare canonicalising and hashing", "bare walk of the ledger"
COMMIT = "bare committing"


def ledger_rows(events: dict[str, float], verifying: dict[str, Any] | None) -> list[Row]:
    """Return the rows of appending and, where it was measured, of verifying."""
    named = {"one": "one by one", "100": "in batches of 100", "1000": "in batches of 1,000"}
    rows = []
    for key, how in named.items():
        limit, bare = (COMMIT, events["commit"]) if key == "one" else (BARE, events["bare"])
        rows.append(Row(f"events appended {how}", (events[key],), "events/s", limit, events[key] / bare))
        cpu = events["cpu" if key == "one" else f"cpu_{key}"]
        rows.append(Row(f"events appended {how}", (cpu,), "CPU ms/event"))
    rows.append(Row(COMMIT, (events["commit"],), "events/s", note="the same leaves, in turn with the events"))
    rows.append(Row(BARE, (events["bare"],), "events/s", note="the same leaves"))
    if verifying is None:
        return rows
    walk, whole = verifying["walk"], verifying["verify"]
    note = f"{verifying['events']:,} events"
    for what, found in ((WALK, walk), ("verify the ledger", whole)):
        to, said = (None, note) if found is walk else (WALK, note)
        held = said if found["holds"] else f"{said}; does not hold"
        for key, unit in (("seconds", "s"), ("cpu_seconds", "CPU s"), ("peak_mib", "MiB")):
            values = () if found[key] is None else (found[key],)
            ratio = found[key] / walk[key] if to and values else None
            rows.append(Row(what, values, unit, to, ratio, held))
    return rows
