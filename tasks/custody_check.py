"""`muniment custody check`: the invariants across store, database, index and ledger, as numbered steps.

 1. the ledger's rows are their leaves, gapless, chained, every move legal
 2. the states of scans, originals and records are where the ledger leaves them
 3. every stored original has its object: version, size, digest of the sealed bytes
 4. every original is locked as recorded (not applicable in a directory)
 5. every object has its row (orphans are listed, never removed)
 6. every living original has an envelope with two recipients, and the ring holds the vault key
 7. every record has pages, words and sources as its state says; each page belongs to one record
 8. every record's field values are those that the ledger committed to
 9. every file offered is in one visible place; refused bytes are in quarantine
10. the index holds what the catalogue holds
11. the published ledger says the same (not applicable until it is published)

What is under way (a `sealed` row, a pending outbox row, a claimed scan) is named in `pending` and is no fault: the
sweeper finishes it. Nothing is changed by a check.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, func, select

from custody.findings import Report, Step
from custody.ledger_check import Replayed, replay
from custody.tables import derivatives, key_envelopes, originals, outbox, vault_keys
from custody.vault import Vault
from records.errors import OriginalNotFoundError
from records.ids import parse_instant
from records.leases import MOST_ATTEMPTS
from records.tables import pages, record_sources, records, scans
from tasks import indexing, intake
from tasks.record_describing import fields_commitment
from tasks.services import Services

Progress = Callable[[], None]


def check(services: Services, progress: Progress = lambda: None) -> Report:
    """Check every invariant; the caller shows progress (called once an original)."""
    report = Report()
    replayed = Replayed()
    with services.database.read() as connection:
        with report.step("ledger rows") as step:
            replayed = replay(connection, step)
            report.checked["entries"] = replayed.count
        with report.step("states follow the ledger") as step:
            _states(connection, replayed, step)
        held = connection.execute(select(originals).order_by(originals.c.id)).all()
    with report.step("originals are stored") as step:
        _stored(services.vault, held, replayed, report, step, progress)
    with report.step("originals are locked") as step:
        _locked(services.vault, held, step)
    with report.step("objects have rows") as step:
        _orphans(services, report, step)
    with services.database.read() as connection:
        with report.step("envelopes") as step:
            _envelopes(connection, services.vault, step)
        with report.step("records are whole") as step:
            _whole(connection, services.vault, report, step)
        with report.step("field values are committed to") as step:
            _fields(connection, replayed, step)
        with report.step("every file offered is somewhere") as step:
            _offered(connection, services, step)
        report.notes["pending"] = _pending(connection)
    with report.step("index holds what the catalogue holds") as step:
        _index(services, step)
    with report.step("published ledger") as step:
        step.not_applicable("the ledger is not published yet")
    return report


def object_fault(vault: Vault, key: str, version: str, size: int, digest: str) -> tuple[str, str] | None:
    """Read one object whole; return None where it is as recorded, else what was expected and found."""
    actual, count = hashlib.sha256(), 0
    try:
        for chunk in vault.store.read(key, version):
            actual.update(chunk)
            count += len(chunk)
    except OriginalNotFoundError:
        return f"version {version}", "missing"
    if count != size or actual.hexdigest() != digest:
        return f"{size} bytes {digest}", f"{count} bytes {actual.hexdigest()}"
    return None


def _states(connection: Connection, replayed: Replayed, step: Step) -> None:
    for table in (originals, records):
        for row in connection.execute(select(table.c.id, table.c.state)):
            if replayed.states.get(row.id) != row.state:
                step.problem("state", row.id, replayed.states.get(row.id), row.state)
    for row in connection.execute(select(scans.c.id, scans.c.state)):
        expected = replayed.states.get(row.id, "waiting")
        if row.state != expected:
            step.problem("state", row.id, expected, row.state)
    known = set(connection.execute(select(originals.c.id)).scalars())
    known |= set(connection.execute(select(records.c.id)).scalars())
    for subject in replayed.states:
        if subject[:4] in ("ori_", "rec_") and subject not in known:
            step.problem("row", subject, "a row", "none")


def _stored(vault: Vault, held: Any, replayed: Replayed, report: Report, step: Step, progress: Progress) -> None:
    for row in held:
        if row.commitment != replayed.commits.get(row.id):
            step.problem("commitment", row.id, replayed.commits.get(row.id), row.commitment)
        if row.state == "stored":
            fault = object_fault(vault, row.object_key, row.object_version, row.sealed_size, row.sealed_sha256)
            if fault is not None:
                step.problem("object", row.id, *fault)
            report.checked["originals"] += 1
        progress()


def _locked(vault: Vault, held: Any, step: Step) -> None:
    if not vault.store.locks:
        step.not_applicable("the store has no locks")
        return
    for row in held:
        if row.state != "stored" or not row.retention_set:
            continue
        found = vault.store.stat(row.object_key, row.object_version)
        if found.mode != "COMPLIANCE" or found.retain_until is None:
            step.problem("lock", row.id, f"COMPLIANCE until {row.locked_until}", found.mode or "none")
        elif found.retain_until < parse_instant(row.locked_until).replace(microsecond=0):
            step.problem("lock", row.id, row.locked_until, found.retain_until.isoformat())


def _orphans(services: Services, report: Report, step: Step) -> None:
    there = [v.key for prefix in ("o/", "d/") for v in services.vault.store.versions(prefix)]
    with services.database.read() as connection:  # asked after the listing: what is under way has its row by then
        known = set(connection.execute(select(originals.c.object_key)).scalars())
        known |= set(connection.execute(select(derivatives.c.object_key)).scalars())
    orphans = sorted(set(there) - known)
    report.checked["files"] = len(there)
    report.notes["orphans"] = orphans
    step.detail = f"{len(orphans)} objects without a row, listed under orphans" if orphans else ""
    seen: set[str] = set()
    for key in there:
        if key in seen and key in known:
            step.problem("double", key, "one version", "more")
        seen.add(key)


def _envelopes(connection: Connection, vault: Vault, step: Step) -> None:
    rows = connection.execute(
        select(
            originals.c.id, key_envelopes.c.envelope, key_envelopes.c.vault_key, vault_keys.c.client, originals.c.client
        ).select_from(
            originals.outerjoin(key_envelopes, key_envelopes.c.original == originals.c.id).outerjoin(
                vault_keys, vault_keys.c.id == key_envelopes.c.vault_key
            )
        )
    )
    for original, envelope, key, key_client, client in rows:
        if envelope is None:
            step.problem("envelope", original, "an envelope", "none")
            continue
        recipients = bytes(envelope).partition(b"\n--- ")[0].count(b"\n-> X25519 ")
        if recipients < 2:
            step.problem("envelope", original, "two recipients", recipients)
        if key_client != client:
            step.problem("envelope", original, client, key_client)
        if not vault.keyring.holds(key):
            step.problem("vault-key", original, key, "not in the key ring")


def _whole(connection: Connection, vault: Vault, report: Report, step: Step) -> None:
    per_record = connection.execute(select(pages.c.record, func.count()).group_by(pages.c.record))
    counted: dict[str, int] = {record: count for record, count in per_record}
    sources: dict[str, list[Row[Any]]] = {}
    for source in connection.execute(select(record_sources)):
        sources.setdefault(source.record, []).append(source)
    made = {(d.record, d.kind): d for d in connection.execute(select(derivatives))}
    for row in connection.execute(select(records.c.id, records.c.state, records.c.scan)):
        expected = sum(s.last_page - s.first_page + 1 for s in sources.get(row.id, []))
        if not expected:
            step.problem("source", row.id, "a source", "none")
        if row.state == "accessioned":
            continue
        if counted.get(row.id, 0) != expected:
            step.problem("pages", row.id, expected, counted.get(row.id, 0))
        words = made.get((row.id, "words"))
        if words is None:
            step.problem("words", row.id, "a words derivative", "none")
    for derivative in made.values():
        fault = object_fault(
            vault, derivative.object_key, derivative.object_version, derivative.sealed_size, derivative.sealed_sha256
        )
        if fault is not None:
            step.problem("derivative", f"{derivative.record} {derivative.kind}", *fault)


def _fields(connection: Connection, replayed: Replayed, step: Step) -> None:
    for row in connection.execute(
        select(records.c.id, records.c.detail_salt).where(records.c.detail_salt.is_not(None))
    ):
        actual = fields_commitment(connection, row.id, bytes(row.detail_salt))
        if actual != replayed.details.get(row.id):
            step.problem("fields", row.id, replayed.details.get(row.id), actual)


def _offered(connection: Connection, services: Services, step: Step) -> None:
    made = connection.execute(select(records.c.scan, func.count()).group_by(records.c.scan))
    per_scan: dict[str, int] = {scan: count for scan, count in made}
    for row in connection.execute(select(scans)):
        if row.state == "accessioned" and (row.original is None or not per_scan.get(row.id)):
            step.problem("record", row.id, "an original and a record", "none")
        if row.state == "duplicate" and row.duplicate_of is None:
            step.problem("duplicate", row.id, "the scan it repeats", "none")
        if row.state == "received" and not intake.work_file(services, row).exists():
            step.problem("claimed", row.id, "its bytes in work", "none")
        if row.todo and row.attempt >= MOST_ATTEMPTS and row.state != "waiting":
            step.problem("stuck", row.id, "an outcome", f"stopped after {row.attempt} attempts")


def _pending(connection: Connection) -> list[str]:
    todo = connection.execute(select(scans.c.id).where(scans.c.todo.is_(True))).scalars().all()
    due = connection.execute(select(outbox.c.record).where(outbox.c.delivered.is_(None)).distinct()).scalars().all()
    return [*todo, *due]


def _index(services: Services, step: Step) -> None:
    for record, expected, found in indexing.differences(services):
        step.problem("index", record, expected, found)
