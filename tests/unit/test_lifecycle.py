"""States and legal moves: the tables of records/lifecycle.py."""

import pytest

from records.errors import LifecycleError
from records.lifecycle import EVENT_TYPES, RESERVED, STATELESS, TRANSITIONS, check_transition


@pytest.mark.parametrize(
    ("event", "subject", "before", "after"),
    [
        ("sealed", "ori_1", None, "sealed"),
        ("sealed", "ori_1", "sealed", "sealed"),
        ("stored", "ori_1", "sealed", "stored"),
        ("received", "scn_1", None, "received"),
        ("refused", "scn_1", "received", "refused"),
        ("described", "rec_1", "read", "in_review"),
        ("indexed", "rec_1", "described", "indexed"),
        ("viewed", "rec_1", None, None),
    ],
)
def test_legal_moves_pass(event: str, subject: str, before: str | None, after: str | None) -> None:
    check_transition(event, subject, before, after)


@pytest.mark.parametrize(
    ("event", "subject", "before", "after"),
    [
        ("stored", "ori_1", None, "stored"),
        ("stored", "ori_1", "stored", "stored"),
        ("stored", "rec_1", "sealed", "stored"),
        ("indexed", "rec_1", "in_review", "indexed"),
        ("duplicate_found", "scn_1", "accessioned", "duplicate"),
        ("refused", "scn_1", "accessioned", "refused"),
        ("batch_closed", "bat_1", "closed", "closed"),
        ("viewed", "rec_1", "read", "read"),
        ("invented", "rec_1", None, None),
    ],
)
def test_illegal_moves_are_refused(event: str, subject: str, before: str | None, after: str | None) -> None:
    with pytest.raises(LifecycleError):
        check_transition(event, subject, before, after)


def test_every_type_is_in_one_table_only() -> None:
    assert len(EVENT_TYPES) == len(set(EVENT_TYPES))
    assert not set(TRANSITIONS) & set(STATELESS) and not set(STATELESS) & set(RESERVED)
