"""`muniment place`: sites and the rooms, shelves and slots below them, and what stands there as a whole."""

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import func, select

from cli.desk_answer import act_options, asked, plain, show
from cli.frame import Frame, _, command, finish
from custody import access
from custody.desk_tables import boxes, locations, physical_files
from records.calendars import Rule, RuleKind, rules_of
from records.desk import PLACE_KINDS
from records.desk_answers import Said
from tasks.desk import inventory, lookup, places, shelving
from tasks.desk.acts import Answer, Desk, look, perform

commands = click.Group()


@commands.group("place")
def place() -> None:
    """Say which places there are, and move what stands at them."""


@command(place, "add")
@click.argument("code")
@click.option("--in", "parent", metavar="PLACE", help="The place it is part of; none: the only site.")
@click.option("--kind", type=click.Choice(PLACE_KINDS), default="SHELF", show_default=True, help="What it is.")
@click.option("--barcode", help="Barcode that is on it already; without it one is given.")
@click.option("--capacity", type=click.IntRange(min=1), help="How many boxes and loose files may stand there.")
@click.option("--accepts", metavar="PROFILE", help="The only box profile that fits.")
@click.option("--time-zone", metavar="ZONE", help="Of a site: its time zone, as Europe/Madrid.")
@click.option("--calendar", metavar="NAME", help="Of a site: its calendar.")
def add_command(frame: Frame, code: str, parent: str | None, **given: Any) -> None:
    """Add a place: a SITE, or a room, row, bay, shelf or slot below one."""
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "administer")

    def add(desk: Desk) -> Answer:
        above = None if parent is None else lookup.place(desk, parent)
        row = places.add_place(desk, places.NewPlace(code, parent=above, **given))
        said = Said("place-added", {"place": row.path, "barcode": row.barcode})
        return Answer(said, location=row.path, events=tuple(desk.act.seqs), more=shown(row))

    show(frame, perform(services, asked(frame), f"place add {parent} {code}", add))


@command(place, "calendar")
@click.argument("name", default=places.FIRST_CALENDAR)
@click.option("--weekly", multiple=True, metavar="DAY", help="Closed every week on this day: mon .. sun.")
@click.option("--yearly", multiple=True, metavar="MM-DD", help="Closed every year on this day, or from MM-DD/MM-DD.")
@click.option("--closed", multiple=True, metavar="DATE", help="Closed on this date, or from DATE/DATE.")
@click.option("--open", "opened", multiple=True, metavar="DATE", help="Open on this date all the same.")
@click.option("--remove", "removed", multiple=True, metavar="VALUE", help="Take the rule of this value away.")
def calendar_command(frame: Frame, name: str, weekly: tuple[str, ...], yearly: tuple[str, ...],
                     closed: tuple[str, ...], opened: tuple[str, ...], removed: tuple[str, ...]) -> None:  # fmt: skip
    """Show or change on which days the sites of a calendar are closed; due dates go by it."""
    services = frame.services
    given = {RuleKind.WEEKLY: weekly, RuleKind.YEARLY: yearly, RuleKind.DATES: closed, RuleKind.OPEN: opened}
    added = [Rule(kind, value) for kind, values in given.items() for value in values]

    def change(desk: Desk) -> Answer:
        rules = rules_of(places.change_calendar(desk, name, added, removed))
        return Answer(Said("listed", {"count": len(rules)}), events=tuple(desk.act.seqs), more=_rules(name, rules))

    def read(desk: Desk) -> Answer:
        rules = places.calendar_rules_of(desk.connection, name)
        return Answer(Said("listed", {"count": len(rules)}), more=_rules(name, rules))

    if added or removed:
        access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
        answer = perform(services, asked(frame), f"calendar {name} {added} {removed}", change)
    else:
        answer = look(services, asked(frame), read)
    listed = answer.more.get("calendar", {}).get("rules", [])
    frame.answer(
        answer.document(), lambda: "\n".join([plain(answer), *(f"  {r['kind']} {r['value']}" for r in listed)])
    )
    if answer.exit_code:
        finish(answer.exit_code)


def _rules(name: str, rules: Sequence[Rule]) -> dict[str, Any]:
    rows = [{"kind": str(rule.kind), "value": rule.value} for rule in rules]
    return {"calendar": {"name": name, "rules": rows}}


@command(place, "list")
@click.option("--in", "parent", metavar="PLACE", help="Only places below this one.")
def list_command(frame: Frame, parent: str | None) -> None:
    """List places in shelf order, with how many of your papers stand there."""
    services = frame.services
    with services.database.read() as connection:
        mine = access.clients_of(connection, services.person, "trace", services.today())
        query = select(locations).where(locations.c.state == "open").order_by(locations.c.sort_key)
        if parent is not None:
            query = query.where(locations.c.path.startswith(parent.rstrip("/") + "/", autoescape=True))
        rows = connection.execute(query).all()
        held: dict[str, int] = {}
        for table in (boxes, physical_files):
            counts = select(table.c.place, func.count()).where(table.c.client.in_(mine)).group_by(table.c.place)
            for found, count in connection.execute(counts):
                held[found] = held.get(found, 0) + int(count)
    document = {"places": [{**shown(row), "held": held.get(row.id, 0)} for row in rows]}
    frame.answer(document, lambda: _plain(document["places"]))


@command(place, "move")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@act_options
def move_command(frame: Frame, source: str, target: str, **said: Any) -> None:
    """Move all boxes and loose files of one place to another."""
    show(frame, shelving.move_all(frame.services, asked(frame, **said), source, target))


@command(place, "inventory")
@click.argument("code", metavar="PLACE")
@click.argument("barcodes", metavar="B...", nargs=-1)
@act_options
def inventory_command(frame: Frame, code: str, barcodes: tuple[str, ...], **said: Any) -> None:
    """Say what stands at a shelf or in a box: all that was scanned there."""
    answer = inventory.take(frame.services, asked(frame, **said), code, barcodes)
    frame.answer(answer.document(), lambda: _plain_inventory(answer))
    if answer.exit_code:
        finish(answer.exit_code)


def _plain_inventory(answer: Answer) -> str:
    outcomes = answer.more.get("outcomes", {})
    lines = [f"  {_(name.replace('_', ' '))}: {' '.join(codes)}" for name, codes in outcomes.items() if codes]
    return "\n".join([plain(answer), *lines])


def shown(row: Any) -> dict[str, Any]:
    """Return a place as answers show it."""
    return {
        "id": row.id, "path": row.path, "code": row.code, "kind": row.kind, "barcode": row.barcode,
        "parent": row.parent, "site": row.site, "capacity": row.capacity, "accepts": row.accepts,
        "temporary": bool(row.temporary), "time_zone": row.time_zone, "calendar": row.calendar, "state": row.state,
    }  # fmt: skip


def _plain(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return _("There are no places.")
    lines = []
    for row in rows:
        room = "" if row["capacity"] is None else f"/{row['capacity']}"
        lines.append(f"{row['barcode']:<12} {row['kind']:<10} {row['held']}{room:<5} {row['path']}")
    return "\n".join(lines)
