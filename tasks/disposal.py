"""Orders of disposal: records listed by one person, approved by another, or refused; nothing is destroyed here.

What stands in the way (custody.obstacles) is asked for when records are listed and when they are approved, and again
when they are destroyed (tasks.disposal_run). Order and records each have their events: who proposed and who approved is
in the ledger for every record, and a verifier sees that they are two.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.access import Person
from custody.disposal_tables import disposal_lines, disposal_orders
from custody.holds import holdings
from custody.ledger import Actor, Draft, append_many
from custody.obstacles import Obstacle, obstacles
from custody.opening import Act, append_with_words, root_of_ids
from custody.retention import due_dates
from records.errors import AccessDeniedError, DisposalRefusedError, UnknownIdError
from records.ids import instant
from records.tables import records
from tasks.services import Services

_logger = logging.getLogger(__name__)
AT_ONCE = 200  # records asked about at once
RECORDS = "records"  # kind of an order
MOST = 1_000  # records of one order


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed: on what basis (custody.disposal_tables.BASES), a reason's code, and its words."""

    basis: str
    reason: str
    words: str | None = None


def today_of(services: Services) -> date:
    """Return the local date."""
    return services.clock.now().astimezone().date()


def order_row(connection: Connection, order: str) -> Row[Any]:
    """Return the row of an order.

    Raises:
        UnknownIdError: there is none.
    """
    row = connection.execute(select(disposal_orders).where(disposal_orders.c.id == order)).one_or_none()
    if row is None:
        raise UnknownIdError(order)
    return row


def lines_of(connection: Connection, order: str) -> list[Row[Any]]:
    """Return the lines of an order, by record."""
    query = select(disposal_lines).where(disposal_lines.c.disposal == order).order_by(disposal_lines.c.record)
    return list(connection.execute(query))


def in_the_way(
    connection: Connection, wanted: Sequence[str], basis: str, today: date, order: str | None = None
) -> dict[str, list[Obstacle]]:
    """Return what stands in the way of each record, as `custody.obstacles` has it, of any number of records."""
    found: dict[str, list[Obstacle]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        found |= obstacles(connection, wanted[start : start + AT_ONCE], basis, today, order)
    return found


def propose(
    services: Services, client: str, wanted: Sequence[str], proposal: Proposal, person: Person, actor: Actor
) -> str:
    """List records of a client for disposal; return the order's id. All of them, or nothing where one is in the way.

    The caller has asked `custody.access` for `propose_disposal`.

    Raises:
        DisposalRefusedError: none or too many are named, one is another client's, or something is in the way.
    """
    listed = sorted(set(wanted))
    if not 1 <= len(listed) <= MOST:
        raise DisposalRefusedError(f"an order is of 1 to {MOST} records")
    with services.database.write() as connection:
        _check_client(connection, listed, client)
        _check_free(in_the_way(connection, listed, proposal.basis, today_of(services)))
        now = instant(services.clock.now())
        order, event = services.ids.new("dsp"), services.ids.new("evt")
        draft = Draft(
            event, "disposal_proposed", order, actor, client=client, reason=proposal.reason,
            obj={"basis": proposal.basis, "count": len(listed), "root": root_of_ids(listed)},
        )  # fmt: skip
        append_with_words(services.vault, connection, draft, proposal.words)
        connection.execute(
            insert(disposal_orders).values(
                id=order, client=client, state="proposed", basis=proposal.basis, reason=proposal.reason,
                proposed_by=person.id, proposed=now, proposal=event,
            )
        )  # fmt: skip
        _list(services, connection, order, client, listed, proposal, actor)
    return order


def approve(services: Services, order: str, person: Person, act: Act) -> None:
    """Approve an order whole; the caller has asked `custody.access` for `approve_disposal`.

    Raises:
        AccessDeniedError: who approves has proposed it; the denial is in the ledger.
        DisposalRefusedError: it is not waiting for this, or something is in the way.
    """
    with services.database.read() as connection:
        own = order_row(connection, order)
    if own.proposed_by == person.id:
        with services.database.write() as connection:
            draft = Draft(
                services.ids.new("evt"), "access_denied", order, replace(act.actor, role="none"), client=own.client,
                reason="approve_disposal",
            )  # fmt: skip
            append_many(connection, [draft], services.clock.now())
        raise AccessDeniedError("who proposed a disposal does not approve it")
    with services.database.write() as connection:
        row = locked(connection, order, "proposed")
        lines = listed_of(connection, order)
        within = check_lines(services, connection, row, lines)
        event = services.ids.new("evt")
        draft = Draft(
            event, "disposal_approved", order, act.actor, client=row.client, reason=act.reason, refs=(row.proposal,)
        )
        append_with_words(services.vault, connection, draft, act.words)
        drafts = [
            Draft(
                services.ids.new("evt"), "disposal_approved", line.record, act.actor, client=row.client,
                reason=act.reason, obj={"order": order, "within": list(within[line.record])}, refs=(line.proposal,),
                auth_ref=event,
            )
            for line in lines
        ]  # fmt: skip
        append_many(connection, drafts, services.clock.now())
        for draft in drafts:
            _set_line(connection, order, draft.subject, approval=draft.id)
        connection.execute(
            update(disposal_orders)
            .where(disposal_orders.c.id == order)
            .values(state="approved", approved_by=person.id, approved=instant(services.clock.now()), approval=event)
        )


def refuse(services: Services, order: str, act: Act) -> None:
    """Refuse an order, or take it back, before anything of it is destroyed.

    Raises:
        DisposalRefusedError: it is finished, refused, or being carried out.
    """
    with services.database.write() as connection:
        row = locked(connection, order, "proposed", "approved")
        if row.ledger is not None:  # from here on records are destroyed
            raise DisposalRefusedError(f"{order} is being carried out")
        draft = Draft(
            services.ids.new("evt"), "disposal_refused", order, act.actor, client=row.client, reason=act.reason,
            refs=(row.proposal,),
        )  # fmt: skip
        append_with_words(services.vault, connection, draft, act.words)
        for line in listed_of(connection, order):
            drop(services, connection, line, act.actor, act.reason or "refused")
        connection.execute(
            update(disposal_orders)
            .where(disposal_orders.c.id == order)
            .values(state="refused", ended=instant(services.clock.now()))
        )


def _list(
    services: Services, connection: Connection, order: str, client: str, listed: Sequence[str], proposal: Proposal,
    actor: Actor,
) -> None:  # fmt: skip
    """Write the order's lines, each with its event, in the caller's transaction."""
    rows: list[dict[str, Any]] = []
    drafts: list[Draft] = []
    for part in _parts(listed):
        for record, due in due_dates(connection, part).items():
            rule, day = None if due.rule is None else due.rule.name, due.due_on and due.due_on.isoformat()
            event = services.ids.new("evt")
            drafts.append(
                Draft(
                    event, "disposal_proposed", record, actor, client=client, reason=proposal.reason,
                    obj={"order": order, "basis": proposal.basis, "rule": rule, "due": day},
                )
            )  # fmt: skip
            rows.append(
                {"disposal": order, "record": record, "client": client, "state": "listed", "rule": rule,
                 "due_on": day, "proposal": event}
            )  # fmt: skip
    append_many(connection, drafts, services.clock.now())
    connection.execute(insert(disposal_lines), rows)


def _check_client(connection: Connection, listed: Sequence[str], client: str) -> None:
    for part in _parts(listed):
        mine = set(
            connection.execute(select(records.c.id).where(records.c.id.in_(part), records.c.client == client)).scalars()
        )
        if mine != set(part):
            raise DisposalRefusedError("an order is of one client's records")


def _check_free(found: dict[str, list[Obstacle]]) -> None:
    blocked = {record: things for record, things in found.items() if things}
    if blocked:
        record, things = next(iter(blocked.items()))
        raise DisposalRefusedError(
            f"{len(blocked)} of {len(found)} records have something in the way, the first {record}: "
            + ", ".join(thing.code for thing in things)
        )


def check_lines(
    services: Services, connection: Connection, order: Row[Any], lines: Sequence[Row[Any]]
) -> dict[str, tuple[str, ...]]:
    """Refuse where something is in the way of one of the lines; return what each record is part of."""
    wanted = [line.record for line in lines]
    if not wanted:
        raise DisposalRefusedError(f"{order.id} lists nothing any more")
    _check_free(in_the_way(connection, wanted, order.basis, today_of(services), order.id))
    within: dict[str, tuple[str, ...]] = {}
    for part in _parts(wanted):
        within |= holdings(connection, part)
    return within


def locked(connection: Connection, order: str, *states: str, kind: str = RECORDS) -> Row[Any]:
    """Return the row of an order in one of these states; nobody else changes it until the transaction ends.

    Raises:
        UnknownIdError: there is none.
        DisposalRefusedError: it is in another state.
    """
    row = connection.execute(
        select(disposal_orders).where(disposal_orders.c.id == order).with_for_update()
    ).one_or_none()
    if row is None or row.kind != kind:
        raise UnknownIdError(order)
    if row.state not in states:
        raise DisposalRefusedError(f"{order} is {row.state}")
    return row


def listed_of(connection: Connection, order: str) -> list[Row[Any]]:
    """Return the lines of an order that are still to be carried out."""
    return [line for line in lines_of(connection, order) if line.state == "listed"]


def drop(services: Services, connection: Connection, line: Row[Any], actor: Actor, reason: str) -> None:
    """Take a record off its order, with its event, in the caller's transaction."""
    draft = Draft(
        services.ids.new("evt"), "disposal_refused", line.record, actor, client=line.client, reason=reason,
        obj={"order": line.disposal}, refs=(line.proposal,),
    )  # fmt: skip
    append_many(connection, [draft], services.clock.now())
    _set_line(connection, line.disposal, line.record, state="dropped")


def _set_line(connection: Connection, order: str, record: str, **values: str) -> None:
    connection.execute(
        update(disposal_lines)
        .where(disposal_lines.c.disposal == order, disposal_lines.c.record == record)
        .values(**values)
    )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
