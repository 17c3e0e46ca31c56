"""What `print`, `report` and `notice` share: language and time of a paper, and writing a file that was asked for."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select

from cli.frame import Frame, _, language_code
from custody.desk_tables import locations
from custody.handover import check_target, hand_over
from infra.i18n import LANGUAGES, translations
from records.due_dates import zone_of
from tasks.papers import Paper

INSTANTS = ("out", "since", "last", "seen", "recorded", "occurred")  # keys whose values are instants


def to_option(required: bool) -> Callable[[Any], Any]:
    """Return the option `--to FILE`."""
    return click.option(
        "--to", "target", required=required, type=click.Path(path_type=Path, dir_okay=False), help="File to write."
    )


def language_option() -> Callable[[Any], Any]:
    """Return the option for the language of a paper, where that is not the reader's."""
    return click.option("--language", type=click.Choice(LANGUAGES), help="Language of the paper.")


def paper_of(frame: Frame, language: str | None = None) -> Paper:
    """Return how a paper is written now: the language asked for or the reader's, the time zone of the first site."""
    services = frame.services
    code = language or language_code()
    say = translations(code).gettext
    with services.database.read() as connection:
        query = select(locations.c.code, locations.c.time_zone).where(locations.c.parent.is_(None))
        site = connection.execute(query.order_by(locations.c.sort_key).limit(1)).one_or_none()
    zone = zone_of(services.loans.time_zone if site is None else site.time_zone)
    return Paper(code, say, services.clock.now(), zone, "" if site is None else site.code)


def write(target: Path, data: bytes) -> dict[str, Any]:
    """Write a file that was asked for; return its name, size and digest as answers show them.

    Raises:
        InvalidValueError: it cannot be made there.
        NoSpaceError: the disk is full.
    """
    digest, size = hand_over([data], target.absolute())
    return {"to": str(target), "bytes": size, "sha256": digest}


def check_place(target: Path) -> None:
    """Make sure that a file can be made there, before the event that announces it."""
    check_target(target.absolute())


def words_for(zone: ZoneInfo, say: Callable[[str], str] = _) -> Callable[[Any, str], str]:
    """Return what writes a value of a report for people: instants as local time, closed words translated."""

    def words(value: Any, key: str) -> str:
        if value is None:
            return ""
        if key in INSTANTS and isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        if key == "kind" and value == "file":
            return say("physical file")
        if key in ("state", "kind", "from", "to", "role", "event", "basis") and isinstance(value, str):
            return say(value.replace("_", " "))
        return str(value)

    return words
