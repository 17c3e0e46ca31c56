"""`muniment custody check`: the invariants across store, database, index and ledger, as numbered steps.

In one transaction, hence of one moment, also while files are taken in:

 1. the ledger's rows are their leaves, gapless, chained, every move legal
 2. the states of scans, originals and records are where the ledger leaves them
 3. every living original has an envelope as it was wrapped, with two recipients, no other has one, and the ring
    holds the vault key
 4. every record has pages, words and sources as its state says; each page belongs to one record
 5. every record's field values are those that the ledger committed to
 6. what was disposed of is gone: no envelope, value, digest or name of it is left
 7. every file offered is in one visible place; refused bytes are in quarantine; nothing is stuck
 8. every paper file and box is where, with whom and in the state that its last event says

Then, against store and index; what differs from that moment is asked of the database again before it is a problem:

 9. every stored original has its object: version, size, digest of the sealed bytes
10. every original is locked as recorded, by a HEAD of its version (not applicable in a directory)
11. every derivative has its object
12. every object has its row (orphans are listed, never removed), and no version stands beside the one that is held
    but of the same bytes; none stands where a disposal removed one; replaced derivatives that a lock still holds are
    listed as leftovers
13. the index holds what the catalogue holds
14. the published ledger says the same (not applicable until it is published)

What is under way (a `sealed` row, a pending outbox row, a claimed scan) is named in `pending` and is no fault: the
sweeper finishes it. Nothing is changed by a check.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from custody import whereabouts
from custody.findings import Report, Step
from custody.ledger_check import Replayed, replay
from custody.locks import lock_fault
from custody.tables import derivatives, key_envelopes, locked_leftovers, originals, outbox, vault_keys
from custody.vault import Vault
from records.errors import OriginalNotFoundError
from records.leases import MOST_ATTEMPTS
from records.tables import pages, record_sources, records, scans
from tasks import indexing, intake, published_check
from tasks.disposal_check import GONE, check_disposed, disposed_keys, doomed_keys, is_there, orders_under_way
from tasks.record_describing import fields_commitment
from tasks.services import Services

Progress = Callable[[], None]
AGAIN = 3  # objects replaced one after another while they are looked at
WITHOUT_ENVELOPE = ("abandoned", *GONE)  # their envelopes are destroyed
OBJECT = ("object_key", "object_version", "sealed_size", "sealed_sha256")  # what a row says of its object


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
        with report.step("envelopes") as step:
            _envelopes(connection, services.vault, step)
        with report.step("records are whole") as step:
            _whole(connection, step)
        with report.step("field values are committed to") as step:
            _fields(connection, replayed, step)
        with report.step("what was disposed of is gone") as step:
            check_disposed(connection, step)
        with report.step("every file offered is somewhere") as step:
            _offered(connection, services, step)
        with report.step("paper is where the ledger says") as step:
            report.checked["papers"] = whereabouts.compare(connection, step)
        report.notes["pending"] = _pending(connection)
        held = connection.execute(select(originals).order_by(originals.c.id)).all()
        made = connection.execute(select(derivatives).order_by(derivatives.c.record, derivatives.c.kind)).all()
    with report.step("originals are stored") as step:
        _stored(services, held, replayed, report, step, progress)
    with report.step("originals are locked") as step:
        _locked(services, held, step)
    with report.step("derivatives are stored") as step:
        _derived(services, made, step)
    with report.step("objects have rows") as step:
        _orphans(services, report, step)
    with report.step("index holds what the catalogue holds") as step:
        _index(services, step)
    with report.step("published ledger") as step:
        published_check.compare(services, step)
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


def _stored(
    services: Services, held: Iterable[Row[Any]], replayed: Replayed, report: Report, step: Step, progress: Progress
) -> None:
    for row in held:
        if row.commitment != replayed.commits.get(row.id):
            step.problem("commitment", row.id, replayed.commits.get(row.id), row.commitment)
        if row.state == "stored":
            fault = _settled_fault(services, originals, originals.c.id == row.id, row)
            if fault is not None:
                step.problem("object", row.id, *fault)
            report.checked["originals"] += 1
        progress()


def _derived(services: Services, made: Iterable[Row[Any]], step: Step) -> None:
    for row in made:
        same = (derivatives.c.record == row.record) & (derivatives.c.kind == row.kind)
        fault = _settled_fault(services, derivatives, same, row)
        if fault is not None:
            step.problem("derivative", f"{row.record} {row.kind}", *fault)


def _settled_fault(
    services: Services, table: Table, which: ColumnElement[bool], row: Row[Any]
) -> tuple[str, str] | None:
    """Return the fault of a row's object; where the row names another one by now, that one is looked at."""
    fault = None
    for _ in range(AGAIN):
        fault = object_fault(services.vault, *(getattr(row, name) for name in OBJECT))
        if fault is None:
            return None
        with services.database.read() as connection:
            fresh = connection.execute(select(table).where(which)).one_or_none()
        if fresh is None:
            return None
        if all(getattr(fresh, name) == getattr(row, name) for name in OBJECT):
            return fault
        row = fresh
    return fault


def _locked(services: Services, held: Iterable[Row[Any]], step: Step) -> None:
    vault = services.vault
    if not vault.store.locks:
        step.not_applicable("the store has no locks")
        return
    for row in held:
        if row.state != "stored":
            continue
        try:
            found = vault.store.stat(row.object_key, row.object_version)
        except OriginalNotFoundError:  # step 8 has named it
            continue
        fault = lock_fault(row, found, services.clock.now())
        if fault is not None:
            step.problem("lock", row.id, *fault)


def _orphans(services: Services, report: Report, step: Step) -> None:
    vault = services.vault
    there = [version for prefix in ("o/", "d/") for version in vault.store.versions(prefix)]
    with services.database.read() as connection:  # asked after the listing: what is under way has its row by then
        names = (originals.c.object_key, originals.c.object_version, originals.c.sealed_sha256)
        known = {row.object_key: row for row in connection.execute(select(*names))}
        names = (derivatives.c.object_key, derivatives.c.object_version, derivatives.c.sealed_sha256)
        known |= {row.object_key: row for row in connection.execute(select(*names))}
        doomed = doomed_keys(connection)
        gone = disposed_keys(connection) - doomed
        leftovers = {(row.object_key, row.object_version) for row in connection.execute(select(locked_leftovers))}
    orphans, extra = set[str](), set[str]()
    for found in there:
        row = known.get(found.key)
        if found.key in gone:
            if is_there(vault.store, found):  # it may have been removed since it was listed
                step.problem("disposed", found.key, "no object", "one")
        elif row is None:
            if (found.key, found.version) not in leftovers and found.key not in doomed:
                orphans.add(found.key)
        elif row.object_version not in (None, found.version):
            # a put whose answer was lost is made again: one more version of the same bytes is no fault
            fault = object_fault(vault, found.key, found.version, found.size, row.sealed_sha256)
            if fault is not None:
                step.problem("overwritten", found.key, *fault)
            extra.add(found.key)
    report.checked["files"] = len(there)
    report.notes |= {"orphans": sorted(orphans), "extra": sorted(extra)}
    report.notes["leftovers"] = sorted(key for key, _ in leftovers)
    if orphans:
        step.say(f"{len(orphans)} objects without a row, listed under orphans")


def _envelopes(connection: Connection, vault: Vault, step: Step) -> None:
    rows = connection.execute(
        select(
            originals.c.id,
            originals.c.state,
            key_envelopes.c.envelope,
            key_envelopes.c.sha256,
            key_envelopes.c.vault_key,
            vault_keys.c.client,
            originals.c.client,
        ).select_from(
            originals.outerjoin(key_envelopes, key_envelopes.c.original == originals.c.id).outerjoin(
                vault_keys, vault_keys.c.id == key_envelopes.c.vault_key
            )
        )
    )
    for original, state, envelope, wrapped, key, key_client, client in rows:
        if state in WITHOUT_ENVELOPE:
            if envelope is not None:
                step.problem("envelope", original, "none", "an envelope")
            continue
        if envelope is None:
            step.problem("envelope", original, "an envelope", "none")
            continue
        found = hashlib.sha256(bytes(envelope)).hexdigest()
        if found != wrapped:
            step.problem("envelope", original, wrapped, found)
        recipients = bytes(envelope).partition(b"\n--- ")[0].count(b"\n-> X25519 ")
        if recipients < 2:
            step.problem("envelope", original, "two recipients", recipients)
        if key_client != client:
            step.problem("envelope", original, client, key_client)
        if not vault.keyring.holds(key):
            step.problem("vault-key", original, key, "not in the key ring")


def _whole(connection: Connection, step: Step) -> None:
    per_record = connection.execute(select(pages.c.record, func.count()).group_by(pages.c.record))
    counted: dict[str, int] = {record: count for record, count in per_record}
    sources: dict[str, list[Row[Any]]] = {}
    for source in connection.execute(select(record_sources)):
        sources.setdefault(source.record, []).append(source)
    query = select(derivatives.c.record).where(derivatives.c.kind == "words")
    with_words = set(connection.execute(query).scalars())
    for row in connection.execute(select(records.c.id, records.c.state, records.c.scan)):
        expected = sum(s.last_page - s.first_page + 1 for s in sources.get(row.id, []))
        if not expected:
            step.problem("source", row.id, "a source", "none")
        if row.state in ("accessioned", "disposed"):
            continue
        if counted.get(row.id, 0) != expected:
            step.problem("pages", row.id, expected, counted.get(row.id, 0))
        if row.id not in with_words:
            step.problem("words", row.id, "a words derivative", "none")


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
    now = services.clock.now()
    for row in connection.execute(select(scans)):
        if row.state == "accessioned" and (row.original is None or not per_scan.get(row.id)):
            step.problem("record", row.id, "an original and a record", "none")
        if row.state == "duplicate" and row.duplicate_of is None:
            step.problem("duplicate", row.id, "the scan it repeats", "none")
        if row.state == "received" and _is_gone(services, row):
            step.problem("claimed", row.id, "its bytes in work", "none")
        living = services.leases.living(row.lease_owner, row.lease_until, now)
        if row.todo and row.attempt >= MOST_ATTEMPTS and not living:
            step.problem("stuck", row.id, "an outcome", f"stopped after {row.attempt} attempts")


def _is_gone(services: Services, row: Row[Any]) -> bool:
    """Tell whether claimed bytes are missing although the scan has not gone on to its outcome meanwhile."""
    if intake.work_file(services, row).exists():
        return False
    with services.database.read() as connection:  # of now: the caller's transaction shows an earlier moment
        return connection.execute(select(scans.c.state).where(scans.c.id == row.id)).scalar() == "received"


def _pending(connection: Connection) -> list[str]:
    todo = connection.execute(select(scans.c.id).where(scans.c.todo.is_(True))).scalars().all()
    due = connection.execute(select(outbox.c.record).where(outbox.c.delivered.is_(None)).distinct()).scalars().all()
    return [*todo, *due, *orders_under_way(connection)]


def _index(services: Services, step: Step) -> None:
    found = indexing.differences(services)
    again = set(indexing.differences(services)) if found else set()  # what was on its way has arrived by then
    for difference in found:
        if difference in again:
            step.problem("index", *difference)
