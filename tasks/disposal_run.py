"""Carrying out an order of disposal: the executor destroys, and nothing comes back.

What is numbered is durable then; after a crash the next `disposal run`, or the sweeper, goes on:

 66  one record: `key_destroyed` of its originals, its clear data, `disposed`, all in one transaction
     (custody.shredding)
 67  the index has let go of every record of the order
 68  working copies are gone, and every sealed object that the store lets go
 69  index and database are rewritten, so that nothing destroyed stands in their files
 70  the order is finished, and its event says so

Before anything is destroyed the ledger is published up to the approval, stamped and witnessed as configured; until then
the order may be taken back. Before each record is destroyed it is asked once more, in the same transaction, what stands
in the way; one that has met something by then is dropped. docs/design/disposal.md has the whole.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from custody import erasure, ledger
from custody.access import still_may
from custody.checkpoints import parse_checkpoint
from custody.disposal_tables import disposal_lines, disposal_orders, doomed_objects
from custody.ledger import Actor, Draft, append_many
from custody.notes import parse_note
from custody.obstacles import obstacles
from custody.opening import root_of_ids
from custody.shredding import EXECUTOR, Sentence, dispose, lock_record
from records.catalogue import sources_of
from records.errors import DisposalRefusedError, LifecycleError, MunimentError, OriginalConflictError
from records.ids import instant
from records.tables import scans
from tasks import indexing
from tasks.disposal import RECORDS, check_lines, drop, lines_of, listed_of, locked, order_row, today_of
from tasks.evidence import evidence_of
from tasks.services import Services
from tasks.words import words_path

_logger = logging.getLogger(__name__)

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RunReceipt:
    """What a run did: how many records it disposed of and dropped; `finished` unless something is left to do."""

    order: str
    disposed: int
    dropped: int
    finished: bool


def run(services: Services, order: str, actor: Actor, progress: Progress = lambda: None) -> RunReceipt:
    """Carry out an approved order, or go on with one that was ended; `progress` is called once a record.

    The caller has asked `custody.access` for `run_disposal`; the executor acts, on behalf of `actor`.

    Raises:
        DisposalRefusedError: it is not approved, a right has ended since, or something is in the way; nothing was done.
        LedgerError, AuthorityUnavailableError: the ledger is not published, stamped or cosigned; nothing was destroyed.
        UnavailableError: database, store or index; what was not done is done by the next run or the sweeper.
    """
    with services.database.read() as connection:
        row = order_row(connection, order)
    if row.state == "finished":
        return RunReceipt(order, 0, 0, True)
    if row.begun is None:
        row = _begin(services, order, actor)
    return _go_on(services, row, progress)


def finish_begun(services: Services) -> None:
    """The sweeper's duty: go on with orders that may have destroyed something, remove objects, settle erasures.

    An order that was begun and has destroyed nothing yet waits for the person who has it run.
    """
    with services.database.read() as connection:
        query = select(disposal_orders).where(
            disposal_orders.c.kind == RECORDS,
            disposal_orders.c.state == "approved",
            disposal_orders.c.ledger.is_not(None),
        )
        rows = connection.execute(query.order_by(disposal_orders.c.id)).all()
    for row in rows:
        try:
            _go_on(services, row, lambda: None)
        except MunimentError as error:  # one order must not stop the others; it is gone on with at the next sweep
            _logger.warning("disposal %s is finished later: %s", row.id, type(error).__name__)
    remove_objects(services)
    erasure.settle(services.vault)


def remove_objects(services: Services, order: str | None = None) -> None:
    """Remove doomed objects that the store lets go, of one order or of all; those that are locked wait."""
    over = doomed_objects.c.locked_until <= instant(services.clock.now())
    query = select(doomed_objects).where(
        doomed_objects.c.removed.is_(None), over | doomed_objects.c.locked_until.is_(None)
    )
    if order is not None:
        query = query.where(doomed_objects.c.disposal == order)
    with services.database.read() as connection:
        rows = connection.execute(query.order_by(doomed_objects.c.object_key)).all()
    for row in rows:
        _remove(services, row)


def _begin(services: Services, order: str, actor: Actor) -> Row[Any]:
    """Check once more that everything allows it, and say in the row that it has begun."""
    with services.database.write() as connection:
        row = locked(connection, order, "approved")
        for person, action in ((row.proposed_by, "propose_disposal"), (row.approved_by, "approve_disposal")):
            if not still_may(connection, person, row.client, action, today_of(services)):
                raise DisposalRefusedError(f"the right to {action.replace('_', ' ')} has ended: propose it anew")
        check_lines(services, connection, row, listed_of(connection, order))
        connection.execute(
            update(disposal_orders)
            .where(disposal_orders.c.id == order)
            .values(begun=instant(services.clock.now()), run_by=actor.id)
        )
        return order_row(connection, order)


def _go_on(services: Services, row: Row[Any], progress: Progress) -> RunReceipt:
    if row.ledger is None:
        publish_before(services, row.id, RECORDS)
    with services.database.read() as connection:
        lines = listed_of(connection, row.id)
    outcomes = []
    for line in lines:
        outcomes.append(_carry_out(services, row, line))
        progress()
    _finish(services, row)
    return RunReceipt(row.id, outcomes.count("disposed"), outcomes.count("dropped"), True)


def publish_before(services: Services, order: str, kind: str) -> None:
    """Publish the ledger before anything is destroyed, stamped and witnessed as configured; note the checkpoint."""
    with services.database.read() as connection:
        approval = ledger.find(connection, order_row(connection, order).approval)
    if approval is None:
        raise DisposalRefusedError(f"{order} has no approval in the ledger")
    evidence = evidence_of(services, approval.seq + 1)
    found = parse_checkpoint(parse_note(evidence.checkpoint).text)
    noted = {
        "origin": found.origin, "size": found.size, "root": found.root.hex(),
        "checkpoint": evidence.checkpoint.decode(), "time_stamps": len(evidence.tokens),
    }  # fmt: skip
    with services.database.write() as connection:
        locked(
            connection, order, "approved", kind=kind
        )  # it may have been taken back while the witnesses were waited for
        connection.execute(update(disposal_orders).where(disposal_orders.c.id == order).values(ledger=noted))


def _carry_out(services: Services, order: Row[Any], line: Row[Any]) -> str:
    """Dispose of one record, or drop it from the order where something is in the way by now; return which."""
    try:
        with services.database.write() as connection:
            record = lock_record(connection, line.record)
            fresh = _line(connection, order.id, line.record)
            if fresh.state != "listed":
                return str(fresh.state)
            found = obstacles(connection, [record.id], order.basis, today_of(services), order.id)[record.id]
            if found:
                drop(services, connection, fresh, EXECUTOR, found[0].code)
                return "dropped"
            dispose(
                services.vault, connection, record,
                Sentence(order.id, fresh.approval, order.run_by, order.reason),
            )  # fmt: skip
    except LifecycleError:
        # a hold that was committed while this transaction waited for the ledger: the ledger's rule has the last word
        with services.database.write() as connection:
            found = obstacles(connection, [line.record], order.basis, today_of(services), order.id)[line.record]
            if not found:
                raise
            drop(services, connection, _line(connection, order.id, line.record), EXECUTOR, found[0].code)
        return "dropped"
    services.vault.reached(66)
    _logger.info("disposed of record %s", line.record)
    return "disposed"


def _finish(services: Services, order: Row[Any]) -> None:
    with services.database.read() as connection:
        gone = [line.record for line in lines_of(connection, order.id) if line.state == "disposed"]
    if gone:
        indexing.drain(services)
        services.vault.reached(67)
        _remove_working_copies(services, gone)
        remove_objects(services, order.id)
        services.vault.reached(68)
        with services.index_writer():
            services.index.expunge()
        services.database.purge()
        services.vault.reached(69)
    with services.database.write() as connection:
        changed = connection.execute(
            update(disposal_orders)
            .where(disposal_orders.c.id == order.id, disposal_orders.c.state == "approved")
            .values(state="finished", ended=instant(services.clock.now()))
        ).rowcount
        if changed:
            draft = Draft(
                services.ids.new("evt"), "disposed", order.id, EXECUTOR, client=order.client, after="disposed",
                reason=order.reason, obj={"count": len(gone), "root": root_of_ids(gone)}, auth_ref=order.approval,
                on_behalf=order.run_by,
            )  # fmt: skip
            append_many(connection, [draft], services.clock.now())
    services.vault.reached(70)
    erasure.settle(services.vault)


def _remove_working_copies(services: Services, gone: Sequence[str]) -> None:
    """Remove what may lie in clear outside index and database: words, and late bytes of a scan in quarantine."""
    with services.database.read() as connection:
        sources = [source for record in gone for source in sources_of(connection, record)]
        scan_ids = {source.scan for source in sources}
        kept = connection.execute(
            select(scans.c.id, scans.c.client).where(scans.c.id.in_(scan_ids) | scans.c.duplicate_of.in_(scan_ids))
        ).all()
    for record in gone:
        words_path(services, record).unlink(missing_ok=True)
    for scan in kept:
        (services.places.quarantine / scan.client / scan.id).unlink(missing_ok=True)


def _remove(services: Services, row: Row[Any]) -> None:
    """Remove one doomed object and record it; where it is locked, note until when the store says."""
    same = (doomed_objects.c.object_key == row.object_key) & (doomed_objects.c.object_version == row.object_version)
    store = services.vault.store
    try:
        store.remove(row.object_key, row.object_version)
    except OriginalConflictError:
        found = store.stat(row.object_key, row.object_version)
        until = None if found.retain_until is None else instant(found.retain_until)
        with services.database.write() as connection:
            connection.execute(update(doomed_objects).where(same).values(locked_until=until))
        return
    with services.database.write() as connection:
        now = services.clock.now()
        changed = connection.execute(
            update(doomed_objects).where(same, doomed_objects.c.removed.is_(None)).values(removed=instant(now))
        ).rowcount
        if changed and row.subject.startswith("ori_"):
            draft = Draft(
                services.ids.new("evt"), "object_removed", row.subject, EXECUTOR, client=row.client,
                obj={"bucket": store.name, "key": row.object_key, "version": row.object_version},
            )  # fmt: skip
            append_many(connection, [draft], now)


def _line(connection: Connection, order: str, record: str) -> Row[Any]:
    query = select(disposal_lines).where(disposal_lines.c.disposal == order, disposal_lines.c.record == record)
    return connection.execute(query.with_for_update()).one()
