"""The table of decisions: every case of the reference by its id, in its own words; and a case for every situation."""

import itertools

import pytest

from custody.decisions import CASES, Act, Outcome, Situation, Standing, Waiting, decide

HOME, HERE, AWAY = "home", "here", "away"
X, Y, Z = "x", "y", "z"


def at(standing: str, *, queue: str = "", queue_at: str = HERE, here: str = HOME, current_at: str = HERE) -> Situation:
    """Return a situation: `queue` are persons; X has the loan or the reservation; sites by name."""
    current = None if standing in "15" else Waiting("current", X, current_at)
    waiting = tuple(Waiting(f"of {person}", person, queue_at) for person in queue)
    return Situation(Standing(standing), HOME, here, current, waiting)


EXPECTED: dict[str, tuple[Situation, str | None, str | None, Outcome]] = {
    "ADD_REQUEST_1_1": (at("1"), Y, None, Outcome.QUEUE),
    "ADD_REQUEST_1_2_1": (at("1", queue="y"), Y, None, Outcome.DENY),
    "ADD_REQUEST_1_2_2": (at("1", queue="y"), Z, None, Outcome.QUEUE),
    "ADD_REQUEST_2_1": (at("2"), X, None, Outcome.DENY),
    "ADD_REQUEST_2_2": (at("2"), Y, None, Outcome.QUEUE),
    "ADD_REQUEST_3_1": (at("3"), X, None, Outcome.DENY),
    "ADD_REQUEST_3_2_1": (at("3"), Y, None, Outcome.QUEUE),
    "ADD_REQUEST_3_2_2_1": (at("3", queue="y"), Y, None, Outcome.DENY),
    "ADD_REQUEST_3_2_2_2": (at("3", queue="y"), Z, None, Outcome.QUEUE),
    "ADD_REQUEST_4_1": (at("4"), X, None, Outcome.DENY),
    "ADD_REQUEST_4_2": (at("4"), Y, None, Outcome.QUEUE),
    "ADD_REQUEST_5_1": (at("5"), Y, None, Outcome.QUEUE),
    "ADD_REQUEST_5_2_1": (at("5", queue="y"), Y, None, Outcome.DENY),
    "ADD_REQUEST_5_2_2": (at("5", queue="y"), Z, None, Outcome.QUEUE),
    "CANCEL_REQUEST_1_1": (at("1"), None, "of y", Outcome.IMPOSSIBLE),
    "CANCEL_REQUEST_1_2": (at("1", queue="y"), None, "of y", Outcome.CANCEL),
    "CANCEL_REQUEST_2_1_1_1": (at("2", here=AWAY), None, "current", Outcome.CANCEL_HOMEWARD),
    "CANCEL_REQUEST_2_1_1_2": (at("2"), None, "current", Outcome.CANCEL_SHELVE),
    "CANCEL_REQUEST_2_1_2_1": (at("2", queue="y", queue_at=AWAY), None, "current", Outcome.CANCEL_NEXT_PICKUP),
    "CANCEL_REQUEST_2_1_2_2": (at("2", queue="y"), None, "current", Outcome.CANCEL_NEXT_READY),
    "CANCEL_REQUEST_2_2": (at("2", queue="y"), None, "of y", Outcome.CANCEL),
    "CANCEL_REQUEST_3_1": (at("3"), None, "current", Outcome.IMPOSSIBLE),
    "CANCEL_REQUEST_3_2": (at("3", queue="y"), None, "of y", Outcome.CANCEL),
    "CANCEL_REQUEST_4_1_1": (at("4"), None, "current", Outcome.CANCEL_HOMEWARD),
    "CANCEL_REQUEST_4_1_2": (at("4", queue="y"), None, "current", Outcome.CANCEL_NEXT_PICKUP),
    "CANCEL_REQUEST_4_2": (at("4", queue="y"), None, "of y", Outcome.CANCEL),
    "CANCEL_REQUEST_5_2": (at("5", queue="y"), None, "of y", Outcome.CANCEL),
    "CHECKOUT_1_1": (at("1"), Y, None, Outcome.LEND),
    "CHECKOUT_1_2_1": (at("1", queue="yz"), Y, None, Outcome.LEND),
    "CHECKOUT_1_2_2": (at("1", queue="yz"), Z, None, Outcome.DENY_UNLESS_REASON),
    "CHECKOUT_2_1": (at("2"), X, None, Outcome.LEND),
    "CHECKOUT_2_2": (at("2"), Y, None, Outcome.DENY_UNLESS_REASON),
    "CHECKOUT_3_1": (at("3"), X, None, Outcome.SAY_LENT),
    "CHECKOUT_3_2": (at("3"), Y, None, Outcome.DENY),
    "CHECKOUT_4_1": (at("4"), X, None, Outcome.LEND),
    "CHECKOUT_4_2": (at("4"), Y, None, Outcome.DENY_UNLESS_REASON),
    "CHECKOUT_5_1": (at("5"), Y, None, Outcome.LEND),
    "CHECKOUT_5_2_1": (at("5", queue="yz"), Y, None, Outcome.LEND),
    "CHECKOUT_5_2_2": (at("5", queue="yz"), Z, None, Outcome.DENY_UNLESS_REASON),
    "CHECKIN_1_1_1": (at("1"), None, None, Outcome.SIGHT),
    "CHECKIN_1_1_2": (at("1", here=AWAY), None, None, Outcome.HOMEWARD),
    "CHECKIN_1_2_1": (at("1", queue="y", here=HERE), None, None, Outcome.READY),
    "CHECKIN_1_2_2": (at("1", queue="y", here=AWAY), None, None, Outcome.PICKUP),
    "CHECKIN_2_1": (at("2", here=HERE), None, None, Outcome.SIGHT),
    "CHECKIN_2_2": (at("2", here=AWAY), None, None, Outcome.PICKUP),
    "CHECKIN_3_1_1": (at("3"), None, None, Outcome.SHELVE),
    "CHECKIN_3_1_2": (at("3", here=AWAY), None, None, Outcome.HOMEWARD),
    "CHECKIN_3_2_1": (at("3", queue="y", here=HERE), None, None, Outcome.READY),
    "CHECKIN_3_2_2_1": (at("3", queue="y", queue_at=HOME, here=HERE), None, None, Outcome.PICKUP),
    "CHECKIN_3_2_2_2": (at("3", queue="y", queue_at=AWAY, here=HERE), None, None, Outcome.PICKUP),
    "CHECKIN_4_1": (at("4", here=HERE), None, None, Outcome.READY),
    "CHECKIN_4_2": (at("4", here=AWAY), None, None, Outcome.SIGHT),
    "CHECKIN_5_1_1": (at("5"), None, None, Outcome.SHELVE),
    "CHECKIN_5_1_2": (at("5", here=AWAY), None, None, Outcome.SIGHT),
    "CHECKIN_5_2_1_1": (at("5", queue="y", queue_at=HOME), None, None, Outcome.READY),
    "CHECKIN_5_2_1_2": (at("5", queue="y", here=HERE), None, None, Outcome.READY),
    "CHECKIN_5_2_2_1": (at("5", queue="y", queue_at=HOME, here=AWAY), None, None, Outcome.SIGHT),
    "CHECKIN_5_2_2_2": (at("5", queue="y", queue_at=HERE, here=AWAY), None, None, Outcome.PICKUP),
    "VALIDATE_1_1": (at("1"), None, None, Outcome.IMPOSSIBLE),
    "VALIDATE_1_2_1": (at("1", queue="y", here=HERE), None, None, Outcome.READY),
    "VALIDATE_1_2_2": (at("1", queue="y", here=AWAY), None, None, Outcome.PICKUP),
    "VALIDATE_2": (at("2"), None, None, Outcome.IMPOSSIBLE),
    "VALIDATE_3": (at("3"), None, None, Outcome.IMPOSSIBLE),
    "VALIDATE_4": (at("4"), None, None, Outcome.IMPOSSIBLE),
    "VALIDATE_5": (at("5"), None, None, Outcome.IMPOSSIBLE),
    "EXTEND_1": (at("1"), None, None, Outcome.IMPOSSIBLE),
    "EXTEND_2": (at("2"), None, None, Outcome.IMPOSSIBLE),
    "EXTEND_3_1": (at("3"), None, None, Outcome.EXTEND),
    "EXTEND_3_2": (at("3", queue="y"), None, None, Outcome.DENY),
    "EXTEND_4": (at("4"), None, None, Outcome.IMPOSSIBLE),
    "EXTEND_5": (at("5"), None, None, Outcome.IMPOSSIBLE),
    "CHANGE_PICKUP_LOCATION_1_1": (at("1"), None, "of y", Outcome.IMPOSSIBLE),
    "CHANGE_PICKUP_LOCATION_1_2": (at("1", queue="y"), None, "of y", Outcome.CHANGE),
    "CHANGE_PICKUP_LOCATION_2_1": (at("2"), None, "current", Outcome.DENY),
    "CHANGE_PICKUP_LOCATION_2_2": (at("2", queue="y"), None, "of y", Outcome.CHANGE),
    "CHANGE_PICKUP_LOCATION_3_1": (at("3"), None, "current", Outcome.IMPOSSIBLE),
    "CHANGE_PICKUP_LOCATION_3_2": (at("3", queue="y"), None, "of y", Outcome.CHANGE),
    "CHANGE_PICKUP_LOCATION_4": (at("4"), None, "current", Outcome.CHANGE),
    "CHANGE_PICKUP_LOCATION_5_2": (at("5", queue="yz"), None, "of y", Outcome.CHANGE_PICKUP),
    "CHANGE_PICKUP_LOCATION_5_3": (at("5", queue="yz"), None, "of z", Outcome.CHANGE),
    "REQUEST_TO_FIRST_RANK_1_1": (at("1", queue="y"), None, "of y", Outcome.IMPOSSIBLE),
    "REQUEST_TO_FIRST_RANK_1_2": (at("1", queue="yz"), None, "of z", Outcome.FIRST),
    "REQUEST_TO_FIRST_RANK_2_1": (at("2", queue="y"), None, "of y", Outcome.IMPOSSIBLE),
    "REQUEST_TO_FIRST_RANK_2_2": (at("2", queue="yz"), None, "of z", Outcome.FIRST),
    "REQUEST_TO_FIRST_RANK_3_1": (at("3"), None, "of y", Outcome.IMPOSSIBLE),
    "REQUEST_TO_FIRST_RANK_3_2": (at("3", queue="yz"), None, "of z", Outcome.FIRST),
    "REQUEST_TO_FIRST_RANK_4_1": (at("4", queue="y"), None, "of y", Outcome.IMPOSSIBLE),
    "REQUEST_TO_FIRST_RANK_4_2": (at("4", queue="yz"), None, "of z", Outcome.FIRST),
    "REQUEST_TO_FIRST_RANK_5_1": (at("5", queue="y"), None, "of y", Outcome.IMPOSSIBLE),
    "REQUEST_TO_FIRST_RANK_5_2_1": (at("5", queue="yz", queue_at=HOME), None, "of z", Outcome.FIRST_HOMEWARD),
    "REQUEST_TO_FIRST_RANK_5_2_2": (at("5", queue="yz", queue_at=AWAY), None, "of z", Outcome.FIRST_PICKUP),
}  # fmt: skip

# Nobody has a request of his own to send a file home: with us it goes home of itself, so these cases cannot come up.
NOT_HERE = {"CANCEL_REQUEST_5_1_1", "CANCEL_REQUEST_5_1_2", "CHANGE_PICKUP_LOCATION_5_1"}
OURS = {"ADD_REQUEST_2_2_1", "ADD_REQUEST_4_2_1"}  # twice by the same person, where the reference's table says "other"


@pytest.mark.parametrize("case", EXPECTED)
def test_case_2_every_case_of_the_reference(case: str) -> None:
    situation, person, request, outcome = EXPECTED[case]
    act = next(act for act in Act if case.startswith(act + "_"))
    found = decide(act, situation, person, request)
    assert (found.id, found.outcome) == (case, outcome)


def test_no_case_is_left_out() -> None:
    assert {case.id for cases in CASES.values() for case in cases} == {*EXPECTED, *NOT_HERE, *OURS}


def test_there_is_exactly_one_case_for_every_situation() -> None:
    sites = (HOME, HERE, AWAY)
    for standing, queue, queue_at, here, current_at in itertools.product("12345", ("", "y", "yz"), sites, sites, sites):
        situation = at(standing, queue=queue, queue_at=queue_at, here=here, current_at=current_at)
        for act, person, request in itertools.product(Act, (X, Y, Z), ("current", "of y", "of z")):
            assert decide(act, situation, person, request).id.startswith(f"{act}_{standing}")
