"""Fixity: every sealed object read whole and compared with its recorded digest, and the result recorded as an event.

One `fixity_checked` event a run: count, failures and the Merkle root of the results (custody reference, section 1.3).
"""

from sqlalchemy import select

from custody.findings import Report
from custody.ledger import Draft, append
from custody.opening import merkle_root
from custody.tables import originals
from tasks.custody_check import Progress, object_fault
from tasks.services import SYSTEM, Services


def run(services: Services, progress: Progress = lambda: None) -> Report:
    """Check the fixity of every stored original; the caller shows progress (called once an original)."""
    report = Report()
    with services.database.read() as connection:
        rows = connection.execute(select(originals).where(originals.c.state == "stored").order_by(originals.c.id)).all()
    results: list[bytes] = []
    failures = 0
    with report.step("sealed bytes have their digests") as step:
        for row in rows:
            fault = object_fault(services.vault, row.object_key, row.object_version, row.sealed_size, row.sealed_sha256)
            if fault is not None:
                failures += 1
                step.problem("object", row.id, *fault)
            results.append(f"{row.id} {'ok' if fault is None else 'fault'}".encode())
            report.checked["originals"] += 1
            progress()
    if len(results) == len(rows):  # a run that stopped midway is no fixity check and is not recorded as one
        with services.database.write() as connection:
            subject = services.ids.new("evt")
            draft = Draft(
                subject, "fixity_checked", subject, SYSTEM,
                obj={"count": len(rows), "failures": failures, "root": merkle_root(results)},
            )  # fmt: skip
            append(connection, draft, services.clock.now())
    return report
