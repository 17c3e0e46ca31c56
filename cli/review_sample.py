"""`muniment review sample` and `review report`: how right values are that nobody looked at, and who errs how often."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from cli.papers import check_place, write
from custody import access
from custody.access import clients_of
from custody.ledger import Actor
from records.catalogue import client_by_name, current_fields, field_of, resolve
from records.errors import InvalidValueError
from records.sample_tables import samples
from records.sampling import clean_needed
from tasks import answers
from tasks.reports.report import Column, Report
from tasks.reports.writing import report_csv
from tasks.review import deciding, seeing
from tasks.review.seeing import Step
from tasks.sampling import drawing, rates
from tasks.sampling.drawing import Lot

sample = click.Group("sample", help="Look at a sample of the values that were accepted unseen.")
SHOWN = ("what", "class", "name", "count", "wrong", "share", "low", "high")


@command(sample, "draw")
@click.option("--class", "record_class", required=True, help="The class whose values are sampled.")
@click.option("--field", help="Only this field.")
@click.option("--client", default="default", show_default=True, help="Whose records.")
@click.option("--count", type=click.IntRange(1, 5000), help="How many values.")
@click.option(
    "--most-wrong", type=click.FloatRange(0.0005, 0.5), default=0.005, show_default=True,
    help="As many as must be right to say, at 95 %, that no more than this share is wrong.",
)  # fmt: skip
@click.option("--seed", help="Draw by this seed; a random one if it is not given.")
def draw_command(
    frame: Frame, record_class: str, field: str | None, client: str, count: int | None, most_wrong: float,
    seed: str | None,
) -> None:  # fmt: skip
    """Record a lot and a seed, then draw the sample."""
    services = frame.services
    if seed is not None and not (seed.isalnum() and seed.isascii() and len(seed) <= 64):
        raise InvalidValueError("a seed is 1 to 64 letters and digits")
    with services.database.read() as connection:
        owner = client_by_name(connection, client).id
    actor = _require(frame, owner, owner)
    lot = Lot(owner, services.library.get(record_class).name, field)
    made = drawing.order(services, lot, count or clean_needed(most_wrong), actor, seed)
    _answer(frame, made)


@command(sample, "list")
@click.option("--client", help="Only this client's.")
def list_command(frame: Frame, client: str | None) -> None:
    """List samples, the newest first."""
    services = frame.services
    with services.database.read() as connection:
        mine = set(clients_of(connection, services.person, "review", services.today()))
        mine &= mine if client is None else {client_by_name(connection, client).id}
        query = select(samples.c.id).where(samples.c.client.in_(mine)).order_by(samples.c.id.desc())
        found = [_document(connection, one) for one in connection.execute(query).scalars()]
    frame.answer({"samples": found}, "\n".join(_plain(one) for one in found) or _("There are no samples."))


@command(sample, "show")
@click.argument("id")
@click.option("--lot", is_flag=True, help="Also the names of all units, to draw the sample again.")
def show_command(frame: Frame, id: str, lot: bool) -> None:
    """Show what a sample says so far; no value is shown."""
    found = _resolve(frame, id)
    _require_sample(frame, found)
    _answer(frame, found, lot)


@command(sample, "next")
@click.argument("id")
@click.option(
    "--snippets", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder for a piece of the page."
)
def next_command(frame: Frame, id: str, snippets: Path | None) -> None:
    """Show the next value that nobody has judged, with the place where it stands."""
    services, found = frame.services, _resolve(frame, id)
    _require_sample(frame, found)
    with services.database.read() as connection:
        value = next((one for one in drawing.values_of(connection, found) if one.right is None), None)
        client = drawing.sample_row(connection, found).client
    if value is None:
        frame.answer({"sample": found, "value": None}, _("Every value was judged: close the sample."))
        return
    actor = _require(frame, client, value.record)
    entry = deciding.look(services, value.record, actor)
    with services.database.read() as connection:
        row = next(
            one for one in current_fields(connection, value.record)
            if (one.name, one.position) == (value.field, value.position)
        )  # fmt: skip
        held = field_of(row)
    step = Step(
        held.name, held.index, held.value, held.currency, held.confidence, held.status, (), (), held.page, held.box
    )  # fmt: skip
    (seen,) = seeing.see(services, value.record, [step], entry, actor, snippets)
    document = {
        "number": value.number, "record": value.record, "field": held.name, "index": held.index, "value": held.value,
        "currency": held.currency, "page": held.page, "box": None if held.box is None else list(held.box),
        "snippet": None if seen.snippet is None else str(seen.snippet),
    }  # fmt: skip
    plain = f"{value.number}  {value.record}  {held.name} = {held.value} {held.currency or ''}\n  {seen.snippet or ''}"
    frame.answer({"sample": found, "value": document}, plain.rstrip())


@command(sample, "judge")
@click.argument("id")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--right/--wrong", "right", required=True, help="Whether the value is what stands on the page.")
def judge_command(frame: Frame, id: str, number: int, right: bool) -> None:
    """Say whether a value of the sample is what stands on the page."""
    found = _resolve(frame, id)
    drawing.judge(frame.services, found, number, right, _require_sample(frame, found))
    _answer(frame, found)


@command(sample, "close")
@click.argument("id")
def close_command(frame: Frame, id: str) -> None:
    """Close a sample: its interval stands; a lot with a critical defect is looked at again as a whole."""
    found = _resolve(frame, id)
    drawing.close(frame.services, found, _require_sample(frame, found))
    _answer(frame, found)


def report_command(frame: Frame, client: str | None, target: Path | None) -> None:
    """Report how often fields and people err, with exact intervals; for archivists."""
    services = frame.services
    with services.database.read() as connection:
        mine = set(clients_of(connection, services.person, "supervise", services.today()))
        mine &= mine if client is None else {client_by_name(connection, client).id}
        found = [*rates.sampled(connection, mine), *rates.reviewed(connection, mine), *rates.keyed(connection, mine)]
        found += rates.operators(connection, mine)
    rows = [one.document() for one in found]
    document: dict[str, Any] = {"rates": rows}
    if target is not None:
        check_place(target)
        cells = [tuple(None if row[key] is None else str(row[key]) for key in SHOWN) for row in rows]
        columns = tuple(Column(key, key) for key in SHOWN)
        document |= write(target, report_csv(Report("review", "review", services.clock.now(), columns, cells)))
    frame.answer(document, lambda: _plain_rates(rows))


def _plain_rates(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"{_(row['what']):<10} {row['class'] or '-':<14} {row['name']:<22} {row['wrong']:>6} / {row['count']:<7}"
        f" {row['low'] * 100:.2f} - {row['high'] * 100:.2f} %"
        for row in rows
    ]
    return "\n".join(lines) or _("Nothing was judged yet.")


def _resolve(frame: Frame, id: str) -> str:
    with frame.services.database.read() as connection:
        return resolve(connection, samples, id)


def _require(frame: Frame, client: str, subject: str) -> Actor:
    services = frame.services
    return access.require(services.database, services.clock, services.ids, services.person, client, "review", subject)


def _require_sample(frame: Frame, found: str) -> Actor:
    with frame.services.database.read() as connection:
        client = drawing.sample_row(connection, found).client
    return _require(frame, client, found)


def _answer(frame: Frame, found: str, with_lot: bool = False) -> None:
    with frame.services.database.read() as connection:
        document = _document(connection, found)
        if with_lot:
            document["lot"] = drawing.lot_of(drawing.sample_row(connection, found))
    frame.answer(document, lambda: _plain(document))


def _document(connection: Any, found: str) -> dict[str, Any]:
    row = drawing.sample_row(connection, found)
    values = drawing.values_of(connection, found)
    outcome = drawing.outcome_of(values)
    return {
        "sample": row.id, "client": answers.client_name(connection, row.client), "class": row.record_class,
        "field": row.field, "seed": row.seed, "size": row.size, "drawn": len(values), "state": row.state,
        "judged": outcome.count, "wrong": outcome.wrong, "critical": outcome.critical,
        "low": round(outcome.low, 6), "high": round(outcome.high, 6), "confidence": 0.95, "ordered": row.ordered,
        "closed": row.closed,
        "findings": [
            {"number": one.number, "record": one.record, "field": one.field, "defect": one.defect, "lot": row.id}
            for one in values if one.right is False
        ],
    }  # fmt: skip


def _plain(one: dict[str, Any]) -> str:
    state = {"open": _("open"), "passed": _("closed"), "rejected": _("rejected")}[one["state"]]
    head = f"{one['sample']}  {one['class']} {one['field'] or ''}  {state}  {one['judged']}/{one['drawn']}"
    said = _("{wrong} wrong: between {low:.2f} and {high:.2f} % of {size} values, at 95 %").format(
        wrong=one["wrong"], low=one["low"] * 100, high=one["high"] * 100, size=one["size"]
    )
    lines = [f"  {found['defect']}: {found['record']} {found['field']}" for found in one["findings"]]
    return "\n".join([head, f"  {said}", *lines])
