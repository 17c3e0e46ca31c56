"""The certificate of destruction of paper: what was destroyed by whose decision, where, how and before whom.

It is read from ledger and tables each time. Each paper is given with the entries of the ledger that say where it was
last, that it was listed, approved and destroyed, by number and hash, so that each can be proved by itself. Reference of
the records desk, section 4 (destruction certificate).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer
from sqlalchemy import Connection, Row, select

from custody import ledger
from custody.movements import reload
from custody.tables import events
from records.lifecycle import TRANSITIONS
from records.tables import clients, persons
from tasks.desk_papers import WIDTH
from tasks.disposal import order_row
from tasks.labels import spoken
from tasks.paper_disposal import paper_lines
from tasks.papers import SMALL, TEXT, TITLE, Cell, Paper, facts, listing, paper_pdf, prose, signatures, text

CERTIFICATE = "muniment-paper-destruction-certificate-1"
TITLE_OF_IT = "Certificate of destruction"
PROVED = (
    "Each paper is followed by the numbers of the entries of the custody ledger that say where it was last, that it "
    "was listed, approved and destroyed, and the beginning of the hash of the last. The ledger is only ever added to: "
    "a changed, missing or added entry shows when it is verified ('muniment verify ledger')."
)
NOT_FINISHED = "Papers of this order are still to be destroyed."
FINE = ParagraphStyle("fine", parent=TEXT, fontSize=6.5, leading=8)


def certificate(connection: Connection, order: str) -> dict[str, Any]:
    """Return the certificate of an order of paper as data."""
    row = order_row(connection, order)
    client = connection.execute(select(clients).where(clients.c.id == row.client)).one()
    people = {one.id: one.name for one in connection.execute(select(persons))}
    by_pseudonym = {one.pseudonym: one.name for one in connection.execute(select(persons))}
    lines = paper_lines(connection, order)
    return {
        "format": CERTIFICATE, "certificate": row.id, "order": row.id, "state": row.state, "client": client.name,
        "basis": row.basis, "reason": row.reason, "authorisation": row.authorisation,
        "proposed": {"by": people.get(row.proposed_by), "at": row.proposed},
        "approved": {"by": row.approved_by and people.get(row.approved_by), "at": row.approved},
        "destroyed": {
            "by": by_pseudonym.get(row.run_by), "witness": row.witness and people.get(row.witness),
            "method": row.method, "place": row.place, "begun": row.begun, "ended": row.ended,
        },
        "ledger_before": row.ledger,
        "papers": [_destroyed(connection, line) for line in lines if line.state == "disposed"],
        "left": [reload(connection, line.paper).barcode for line in lines if line.state == "listed"],
        "dropped": [reload(connection, line.paper).barcode for line in lines if line.state == "dropped"],
    }  # fmt: skip


def _destroyed(connection: Connection, line: Row[Any]) -> dict[str, Any]:
    paper = reload(connection, line.paper)
    boxed = line.paper.startswith("box_")
    listed = ledger.find(connection, line.listing)
    chain = [_last_place(connection, line.paper, 0 if listed is None else listed.seq)]
    chain += [_entry(ledger.find(connection, event)) for event in (line.listing, line.approval, line.disposed) if event]
    return {
        "id": line.paper, "kind": "box" if boxed else "file", "code": paper.barcode,
        "title": None if boxed else paper.title, "case_no": paper.client_ref if boxed else paper.case_no,
        "pages": None if boxed else paper.pages_expected, "box": line.box, "entries": [one for one in chain if one],
    }  # fmt: skip


def _last_place(connection: Connection, paper: str, before: int) -> dict[str, Any] | None:
    """Return the last move before a paper was listed: where it was taken from."""
    query = select(events).where(events.c.subject == paper, events.c.seq < before, events.c.type.in_(TRANSITIONS))
    row = connection.execute(query.order_by(events.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else _entry(ledger.Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash))


def _entry(entry: ledger.Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    event = entry.event
    return {"seq": entry.seq, "type": event["type"], "at": event["ts"], "leaf_hash": entry.leaf_hash}


def certificate_pdf(found: dict[str, Any], paper: Paper) -> bytes:
    """Print a certificate, with lines for who destroyed the paper and who watched."""
    say = paper.say
    done = found["destroyed"]
    parts: list[Flowable] = [
        text(say(TITLE_OF_IT), TITLE),
        Spacer(0, 3 * mm),
        facts(_facts(found, paper), WIDTH),
        Spacer(0, 4 * mm),
    ]
    if found["left"]:
        parts += [text(say(NOT_FINISHED)), Spacer(0, 3 * mm)]
    parts += [
        listing(
            [say(head) for head in ("code", "title", "box", "pages", "destroyed on", "entries of the ledger")],
            [_row(one, paper) for one in found["papers"]],
            [28 * mm, WIDTH - 136 * mm, 26 * mm, 14 * mm, 26 * mm, 42 * mm],
        ),
        Spacer(0, 4 * mm),
        prose(say(PROVED), SMALL),
        Spacer(0, 8 * mm),
        signatures(
            [f"{say('destroyed by')}: {done['by'] or ''}", f"{say('witness')}: {done['witness'] or ''}",
             f"{say('for the client')}: {found['client']}"], WIDTH),
    ]  # fmt: skip
    return paper_pdf(say(TITLE_OF_IT), parts, paper)


def _facts(found: dict[str, Any], paper: Paper) -> list[tuple[str, Cell]]:
    say, done, before = paper.say, found["destroyed"], found["ledger_before"]
    rows = [
        ("number", found["certificate"]),
        ("client", found["client"]),
        ("kept and destroyed by", paper.office),
        ("basis", " · ".join(say(word) for word in (found["basis"], found["reason"]) if word)),
        ("authorised by the client", found["authorisation"]),
        ("proposed by", _who(found["proposed"]["by"], found["proposed"]["at"], paper)),
        ("approved by", _who(found["approved"]["by"], found["approved"]["at"], paper)),
        ("destroyed by", _who(done["by"], done["ended"] or done["begun"], paper)),
        ("witness", done["witness"]),
        ("method", done["method"] and say(done["method"])),
        ("place", done["place"]),
        ("papers", str(len(found["papers"]))),
        ("taken off the order", ", ".join(found["dropped"])),
        ("ledger before", before and f"{before['size']} · {before['root']}"),
    ]
    return [(say(name), prose(str(value))) for name, value in rows if value]


def _who(name: str | None, at: str | None, paper: Paper) -> str:
    moment = "" if at is None else paper.moment(datetime.fromisoformat(at))
    return " · ".join(part for part in (name or "", moment) if part)


def _row(one: dict[str, Any], paper: Paper) -> Sequence[Cell]:
    last = one["entries"][-1]
    numbers = " ".join(str(entry["seq"]) for entry in one["entries"])
    names = "\n".join(part for part in (one["case_no"], one["title"]) if part)
    if one["kind"] == "box":
        names = "\n".join(part for part in (paper.say("box"), names) if part)
    return [
        spoken(one["code"]), names, one["box"] or "", "" if one["pages"] is None else str(one["pages"]),
        paper.moment(datetime.fromisoformat(last["at"])), prose(f"{numbers}\n{last['leaf_hash'][:32]}", FINE),
    ]  # fmt: skip
