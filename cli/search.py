"""`muniment search`: find pages by their text, with filters; only what the person may see, counts included."""

import html
import sys
from dataclasses import replace
from datetime import date

import click

from cli.frame import Frame, _, command
from custody import access
from custody.access import clients_of, hidden_from
from records.catalogue import client_by_name
from records.errors import InvalidValueError
from search.contract import Access, Query, Results
from tasks import answers

commands = click.Group()


@command(commands, "search")
@click.argument("query")
@click.option("--client", help="Only this client's papers.")
@click.option("--class", "record_class", help="Only this record class.")
@click.option("--from", "date_from", help="Only records dated on or after this day (YYYY-MM-DD).")
@click.option("--to", "date_to", help="Only records dated on or before this day (YYYY-MM-DD).")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="Only records with this field value.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Hits at most.")
@click.option("--cursor", help="Go on where an earlier search with the same query stopped.")
def search_command(
    frame: Frame, query: str, client: str | None, record_class: str | None, date_from: str | None,
    date_to: str | None, fields: tuple[str, ...], limit: int, cursor: str | None,
) -> None:  # fmt: skip
    """Find pages: words (all must be on the page), "a phrase", -not, word*."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "search", services.today())
        wanted = None if client is None else client_by_name(connection, client).id
        names = {name: answers.client_name(connection, name) for name in mine}
    if wanted is not None and wanted not in mine:  # the denial is an event
        access.require(services.database, services.clock, services.ids, services.person, wanted, "search", wanted)
    found = services.index.search(
        Query(
            query,
            Access(frozenset(mine)),
            wanted,
            record_class,
            _day(date_from),
            _day(date_to),
            dict(_pair(field) for field in fields),
            limit,
            cursor,
        )
    )
    with services.database.read() as connection:
        above = hidden_from(connection, services.person, "search", services.today(), {hit.record for hit in found.hits})
    kept = tuple(hit for hit in found.hits if hit.record not in above)
    found = replace(found, hits=kept, total=found.total - len(found.hits) + len(kept))
    frame.answer(_document(query, found, names), lambda: _plain(found))


def _document(query: str, found: Results, names: dict[str, str]) -> answers.Answer:
    hits = [
        {
            "record": hit.record, "page": hit.page, "score": hit.score, "snippet": hit.snippet,
            "boxes": [list(box) for box in hit.boxes], "client": names.get(hit.client, hit.client),
            "class": hit.record_class, "fields": {name: list(values) for name, values in hit.fields.items()},
        }
        for hit in found.hits
    ]  # fmt: skip
    return {
        "query": query, "total": found.total, "hits": hits, "suggestions": list(found.suggestions),
        "cursor": found.cursor,
    }  # fmt: skip


def _plain(found: Results) -> str:
    lines = [_("{total} pages").format(total=found.total)]
    for hit in found.hits:
        lines.append(f"{hit.record}  {_('page')} {hit.page}  {hit.record_class}")
        lines.append("    " + _shown(hit.snippet))
    if not found.hits and found.suggestions:
        lines.append(_("Did you mean: {words}?").format(words=", ".join(found.suggestions)))
    if found.cursor:
        lines.append(_("More: --cursor {cursor}").format(cursor=found.cursor))
    return "\n".join(lines)


def _shown(snippet: str) -> str:
    """Return a snippet for a terminal: its matches bold where there is one, its HTML escapes undone."""
    start, end = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    marked = " ".join(snippet.split()).replace("<mark>", start).replace("</mark>", end)
    return html.unescape(marked)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError("a day is written YYYY-MM-DD") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidValueError("--field takes NAME=VALUE")
    return name.strip(), value.strip()
