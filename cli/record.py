"""`muniment record`: what a record is, says and went through. Reading one is an event before it happens."""

from functools import partial
from pathlib import Path
from typing import Any

import click
from sqlalchemy import ColumnElement

from cli.frame import Frame, _, command
from cli.progress import counting
from cli.reasons import parse_reason
from custody import access
from custody.access import clients_of
from custody.handover import check_target, chunks_of, hand_over
from custody.ledger import Entry
from custody.opening import Act, open_derivative, record_act
from records.catalogue import client_by_name, record_row, resolve
from records.errors import UnknownIdError
from records.lifecycle import RECORD_STATES
from records.tables import batches, records
from records.text import PageText, read_words
from tasks import answers
from tasks.alto import write_alto
from tasks.evidence import evidence_of
from tasks.exporting import Order, export
from tasks.hocr import write_hocr
from tasks.renditions import Writer, write_rendition

commands = click.Group()
FILES_OF_RECORD = 3  # original, readable copy, words: what most records have; for the progress shown
why = click.option("--reason", help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
found_by_search = click.option("--hit", is_flag=True, help="It is opened as the hit of a search.")


@commands.group("record")
def record() -> None:
    """Show, read and export records."""


@command(record, "list")
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--state", type=click.Choice(RECORD_STATES), help="Only this state.")
@click.option("--batch", help="Only this batch.")
def list_command(
    frame: Frame, client: str | None, record_class: str | None, state: str | None, batch: str | None
) -> None:
    """List records."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "view", services.today())
        where: list[ColumnElement[bool]] = [records.c.client.in_(mine)]
        if client is not None:
            where.append(records.c.client == client_by_name(connection, client).id)
        if record_class is not None:
            where.append(records.c.record_class == record_class)
        if state is not None:
            where.append(records.c.state == state)
        if batch is not None:
            where.append(records.c.batch == resolve(connection, batches, batch))
        rows = answers.record_heads(connection, *where)
    plain = "\n".join(f"{r['id']}  {_(r['state']):<12} {r['class'] or '-'}  {r['client']}" for r in rows)
    frame.answer({"records": rows}, plain or _("There are no records."))


@command(record, "show")
@click.argument("id")
@why
@found_by_search
def show_command(frame: Frame, id: str, reason: str | None, hit: bool) -> None:
    """Show a record: class, fields with their evidence, what waits for a person."""
    found, _entry = viewed(frame, id, _kind(hit), reason)
    with frame.services.database.read() as connection:
        document = answers.record_answer(connection, found)
    frame.answer(document, lambda: plain_record(document))


@command(record, "text")
@click.argument("id")
@click.option("--page", type=click.IntRange(min=1), help="Only this page.")
@why
@found_by_search
def text_command(frame: Frame, id: str, page: int | None, reason: str | None, hit: bool) -> None:
    """Print the text of a record, pages parted by form feed."""
    found, pages = _pages(frame, id, page, _kind(hit), reason)
    rows = [{"page": p.page, "text": p.text} for p in pages]
    frame.answer({"record": found, "pages": rows}, "\f".join(p.text for p in pages))


@command(record, "words")
@click.argument("id")
@click.option("--page", type=click.IntRange(min=1), help="Only this page.")
@why
@found_by_search
def words_command(frame: Frame, id: str, page: int | None, reason: str | None, hit: bool) -> None:
    """Print every word of a record with its box and confidence."""
    found, pages = _pages(frame, id, page, _kind(hit), reason)
    rows = [_page_words(p) for p in pages]
    plain = "\n".join(
        f"{p.page}\t{w.box.x0},{w.box.y0},{w.box.x1},{w.box.y1}\t{w.confidence:.0f}\t{w.text}"
        for p in pages
        for w in p.words
    )
    frame.answer({"record": found, "pages": rows}, plain)


@command(record, "pdf")
@click.argument("id")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@why
def pdf_command(frame: Frame, id: str, target: Path, reason: str | None) -> None:
    """Write the readable copy (PDF/A-2b with a text layer) to a file."""
    services = frame.services
    check_target(target.absolute())
    found, entry = viewed(frame, id, "exported", reason)
    actor = services.person.actor(entry.event["actor"]["role"])
    clear = services.scratch / f"{entry.id}.pdf"
    open_derivative(services.vault, found, "readable", entry, actor, clear)
    digest, size = hand_over(chunks_of(clear), target.absolute())
    clear.unlink()
    document = {"record": found, "to": str(target), "bytes": size, "sha256": digest}
    frame.answer(document, _("{bytes} bytes written to {to}").format(**document))


@command(record, "alto")
@click.argument("id")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@why
def alto_command(frame: Frame, id: str, target: Path, reason: str | None) -> None:
    """Write the words with their boxes to a file, as ALTO 4."""
    _write_rendition(frame, id, write_alto, target, reason)


@command(record, "hocr")
@click.argument("id")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@why
def hocr_command(frame: Frame, id: str, target: Path, reason: str | None) -> None:
    """Write the words with their boxes to a file, as hOCR."""
    _write_rendition(frame, id, write_hocr, target, reason)


@command(record, "export")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="Folder to make; not there yet.")
@click.option("--recipient", metavar="AGE", help="Encrypt originals and copies to this age public key (age1...).")
@click.option("--reason", default="request", help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
def export_command(frame: Frame, ids: tuple[str, ...], target: Path, recipient: str | None, reason: str) -> None:
    """Hand records over as an evidence package, which strangers can verify."""
    services = frame.services
    code, words = parse_reason(reason)
    with services.database.read() as connection:
        found = tuple(dict.fromkeys(resolve(connection, records, id) for id in ids))
    order = Order(found, target.absolute(), code, words, recipient)
    with counting(_("Packing"), FILES_OF_RECORD * len(found) + 1) as step:
        done = export(services, order, partial(evidence_of, services), lambda _done, _all: step())
    document = {
        "to": str(target), "records": list(found), "manifest_sha256": done.manifest_sha256, "files": done.files,
        "events": done.events, "checkpoint": done.size, "stamped": done.stamped, "encrypted": recipient is not None,
    }  # fmt: skip
    frame.answer(document, _("{records} records in {to}, {events} events proved; manifest {digest}").format(
        records=len(found), to=target, events=done.events, digest=done.manifest_sha256))  # fmt: skip


@command(record, "timeline")
@click.argument("id")
def timeline_command(frame: Frame, id: str) -> None:
    """Show everything that happened to a record, paper and image together."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "view", services.today())
        found = resolve(connection, records, id, records.c.client.in_(mine))
        events = answers.timeline(connection, found)
    plain = "\n".join(f"{e['seq']:>6}  {e['time']}  {e['type']:<18} {_(e['summary'])}  {e['actor']}" for e in events)
    frame.answer({"record": found, "events": events}, plain)


def viewed(frame: Frame, id: str, kind: str = "viewed", reason: str | None = None) -> tuple[str, Entry]:
    """Find a record, decide access, and append the event of reading it before anything is read.

    Raises:
        InvalidValueError: the reason is none of the closed list.
        UnknownIdError: nothing that this person may see has this id.
        AccessDeniedError: the person may not; the denial is in the ledger.
    """
    services = frame.services
    code, words = (None, None) if reason is None else parse_reason(reason)
    with services.database.read() as connection:
        found = resolve(connection, records, id)
        client = record_row(connection, found).client
    actor = access.require(services.database, services.clock, services.ids, services.person, client, "view", found)
    with services.database.write() as connection:
        entry = record_act(services.vault, connection, Act(kind, actor, code, words), found, client)
    return found, entry


def plain_record(document: answers.Answer) -> str:
    """Return a record as people read it on a terminal."""
    head = (
        f"{document['id']}  {_(document['state'])}  {document['class'] or '-'} {document['class_confidence'] or 0:.2f}"
    )
    lines = [head, f"  {_('original')} {document['original']['id']}  sha256 {document['original']['sha256']}"]
    if document["handwriting"]:
        written = ", ".join(map(str, document["handwriting"]))
        lines.append("  " + _("written by hand, and not read: page {pages}").format(pages=written))
    for field in document["fields"]:
        if field["value"] is None:
            continue
        unseen = _("typed") if field["method"] == "person" else _("derived")
        where = f"{_('page')} {field['page']} {field['box']}" if field["page"] else unseen
        row = "" if field["index"] is None else f"[{field['index']}]"
        value = f"{field['value']} {field['currency'] or ''}".strip()
        lines.append(
            f"  {field['name'] + row:<22} {value:<32} {field['confidence']:.2f} {_(field['status']):<10} {where}"
        )
    lines += [f"  {_('to decide')}: {r['code']} {r['field'] or ''} {r['message']}" for r in document["review"]]
    return "\n".join(lines)


def _kind(hit: bool) -> str:
    return "search_hit_opened" if hit else "viewed"


def _write_rendition(frame: Frame, id: str, writer: Writer, target: Path, reason: str | None) -> None:
    check_target(target.absolute())
    found, entry = viewed(frame, id, "exported", reason)
    digest, size = write_rendition(frame.services, found, entry, writer, target.absolute())
    document = {"record": found, "to": str(target), "bytes": size, "sha256": digest}
    frame.answer(document, _("{bytes} bytes written to {to}").format(**document))


def _pages(frame: Frame, id: str, page: int | None, kind: str, reason: str | None) -> tuple[str, list[PageText]]:
    services = frame.services
    found, entry = viewed(frame, id, kind, reason)
    actor = services.person.actor(entry.event["actor"]["role"])
    clear = services.scratch / f"{entry.id}.words.gz"
    open_derivative(services.vault, found, "words", entry, actor, clear)
    pages = [p for p in read_words(clear) if page in (None, p.page)]
    clear.unlink()
    if page is not None and not pages:
        raise UnknownIdError(f"{found} has no page {page}")
    return found, pages


def _page_words(page: PageText) -> dict[str, Any]:
    return {
        "page": page.page, "width": page.width, "height": page.height, "dpi": page.dpi, "turned": page.turned,
        "skew": page.skew, "language": page.language, "engine": page.engine, "blank": page.blank,
        "words": [
            {"text": w.text, "box": list(w.box), "confidence": w.confidence, "line": w.line, "block": w.block}
            for w in page.words
        ],
    }  # fmt: skip
