"""Ids are UUIDv7 in order; instants are text in time order."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from infra.clock import SystemClock, UuidIds
from records.ids import ID_PATTERN, instant, parse_instant


def test_ids_are_version_7_and_sort_as_they_were_made() -> None:
    ids = UuidIds()
    made = [ids.new("evt") for _ in range(5000)]
    assert made == sorted(made) and len(set(made)) == 5000
    for name in made[::500]:
        assert ID_PATTERN.fullmatch(name)
        assert uuid.UUID(name[4:]).version == 7
        assert uuid.UUID(name[4:]).variant == uuid.RFC_4122


def test_an_id_carries_its_millisecond() -> None:
    before = SystemClock().now().timestamp() * 1000 - 1
    moment = int(UuidIds().new("rec")[4:16], 16)
    assert before <= moment <= SystemClock().now().timestamp() * 1000 + 1


def test_instants_round_trip_and_have_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 1, 39, 36, 123456, tzinfo=UTC)
    assert instant(moment) == "2026-11-22T01:39:36.123Z"
    assert parse_instant(instant(moment)) == moment.replace(microsecond=123000)
    assert re.fullmatch(r"\S{24}", instant(SystemClock().now()))


def test_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="does not match"):
        parse_instant("2026-11-22 01:39:36")
