"""Where a paper is, who has it, and what happened to it: looking only, nothing is moved."""

from typing import Any

from sqlalchemy import Connection, select

from custody import ledger
from custody.desk_tables import boxes, locations
from custody.movements import Paper
from custody.tables import events
from custody.whereabouts import where_is
from records.desk_answers import Said, state_word
from records.tables import persons
from tasks.answers import event_answer
from tasks.desk import lookup
from tasks.desk.acts import Answer, Asked, Desk, look
from tasks.desk.queue import open_loan
from tasks.desk.receiving import answered
from tasks.services import Services


def find(services: Services, asked: Asked, raw: str) -> Answer:
    """Say where a file or box is and who has it."""
    return look(services, asked, lambda desk: _find(desk, lookup.paper(desk, raw, "trace", lookup.PAPERS)))


def _find(desk: Desk, paper: Paper) -> Answer:
    where = where_is(desk.connection, paper)
    values: dict[str, Any] = {"barcode": paper.barcode, "state": state_word(paper.state)}
    loan = open_loan(desk.connection, paper.id)
    if where.holder is not None:
        since = paper.since[:10] if loan is None else loan.opened_at[:10]
        said = Said("found-with", {**values, "holder": where.holder_name, "since": since,
                                   "due": None if loan is None else loan.due_on})  # fmt: skip
    elif where.text is not None:
        said = Said("found-it", {**values, "place": where.text})
    else:
        said = Said("found-nowhere", values)
    due = None if loan is None else loan.due_on
    return answered(desk, said, paper, loan=None if loan is None else loan.id, due=due)


def history(services: Services, asked: Asked, raw: str) -> Answer:
    """Show every event of a file or box, the oldest first, with places and people as they are called."""
    return look(services, asked, lambda desk: _history(desk, lookup.paper(desk, raw, "trace", lookup.PAPERS)))


def _history(desk: Desk, paper: Paper) -> Answer:
    entries = ledger.of_subjects(desk.connection, [paper.id])
    shown = [event_answer(entry) for entry in entries]
    told = [entry.event for entry in entries]
    names = _names(desk.connection, told)
    for row, event in zip(shown, told, strict=True):
        row |= {
            "occurred": event["occurred"], "place": names.get(event["place"], event["place"]),
            "holder": names.get(event["holder"], event["holder"]), "due": event["due"],
            "by": names.get(event["actor"]["id"], event["actor"]["id"]),
        }  # fmt: skip
    said = Said("history", {"barcode": paper.barcode, "count": len(shown)})
    answer = answered(desk, said, paper, more={"history": shown})
    return Answer(answer.said, file=answer.file, location=answer.location, more=answer.more,
                  events=tuple(row["seq"] for row in shown))  # fmt: skip


def _names(connection: Connection, told: list[dict[str, Any]]) -> dict[str, str]:
    """Return what places, boxes and pseudonyms in these events are called."""
    ids = {event[name] for event in told for name in ("place", "holder")} | {event["actor"]["id"] for event in told}
    wanted = sorted(one for one in ids if one is not None)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        for key, name, table in (
            (locations.c.id, locations.c.path, locations),
            (boxes.c.id, boxes.c.barcode, boxes),
            (persons.c.pseudonym, persons.c.name, persons),
        ):
            rows = connection.execute(select(key, name).select_from(table).where(key.in_(part)))
            found |= {str(one): str(called) for one, called in rows}
    return found


def last_places(connection: Connection, paper: str, count: int = 3) -> tuple[list[str], list[str]]:
    """Return the last places and the last people of a paper, the newest first: where to look for it."""
    query = select(events).where(events.c.subject == paper).order_by(events.c.seq.desc()).limit(50)
    told = [ledger.Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash).event for row in connection.execute(query)]
    names = _names(connection, told)
    places = dict.fromkeys(names[event["place"]] for event in told if event["place"] in names)
    people = dict.fromkeys(names[event["holder"]] for event in told if event["holder"] in names)
    return list(places)[:count], list(people)[:count]
