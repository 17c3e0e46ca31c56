"""Whatever clerks do, in any order: the cache is what the ledger says, one open loan a file, and the ledger holds."""

from typing import Any

import pytest
from desk_house import House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from custody.desk_tables import boxes
from custody.loan_tables import loans
from tasks.desk import (
    boxing,
    counting,
    lending,
    missing,
    receiving,
    renewing,
    requests,
    returning,
    shelving,
    transfers,
    withdrawing,
)
from tasks.desk.boxing import NewBox
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.receiving import Receiving
from tasks.desk.requests import Asking
from tasks.desk.transfers import NewTransfer

PEOPLE = ("Ana", "Luis", "Sara")
ACTS = (
    "lend", "return", "check", "short", "refile", "locate", "pass", "renew", "recall", "recharge", "claim", "ask",
    "pick", "ready", "absent", "missing", "found", "approve", "settle", "withdraw", "receive",
)  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from infra.services import open_services

    patch = pytest.MonkeyPatch()
    patch.setenv("MUNIMENT_HOME", str(tmp_path_factory.mktemp("histories") / "home"))
    services = open_services()
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    made.person("Luis", "borrower")
    made.person("Sara", "archivist")
    yield made
    services.close()
    patch.undo()


def do(house: House, act: str, code: str, who: str) -> Any:
    """Do one act with a file, with every question answered."""
    services = house.services
    every = ("queue", "pages-differ", "count-pages", "search-again", "seen-at-holder", "box-contents")
    asked = house.asked(None, *every, reason="audit")
    acts = {
        "lend": lambda: lending.lend(services, asked, Lending((code,), who, "audit")),
        "return": lambda: returning.give_back(services, asked, code),
        "check": lambda: counting.check(services, asked, code, Count(pages=house.row(code).pages_expected)),
        "short": lambda: counting.check(services, asked, code, Count(pages=1)),
        "refile": lambda: shelving.refile(services, asked, code),
        "locate": lambda: shelving.locate(services, asked, code, "A" if who == "Ana" else "B"),
        "pass": lambda: shelving.locate(services, asked, code, "MAIN/DESK"),
        "renew": lambda: renewing.renew(services, asked, code),
        "recall": lambda: renewing.recall(services, asked, code),
        "recharge": lambda: renewing.recharge(services, asked, code, who),
        "claim": lambda: renewing.claim(services, asked, code),
        "ask": lambda: ask(house, code, who),
        "pick": lambda: requests.pick(services, asked, code),
        "ready": lambda: requests.ready(services, asked, code),
        "absent": lambda: missing.not_found(services, asked, code),
        "missing": lambda: missing.missing(services, asked, code),
        "found": lambda: missing.found(services, asked, code),
        "approve": lambda: missing.found(services, house.asked("Sara", "approve"), code),
        "withdraw": lambda: withdraw(house, code, who),
        "receive": lambda: receiving.receive(services, asked, Receiving("default", code)),
        "settle": lambda: counting.settle_file(services, house.asked("Sara", reason="audit"), code),
    }
    return acts[act]()


def withdraw(house: House, code: str, who: str) -> Any:
    """List a file to leave for good, have it approved, and hand it over; what is refused on the way is the answer."""
    services = house.services
    listed = transfers.add(services, house.asked(), NewTransfer("default", "PERM_WITHDRAWAL", (code,)))
    if listed.basket != "done":
        return listed
    transfer = listed.more["transfer"]["barcode"]
    withdrawing.approve(services, house.asked("Sara", reason="request"), transfer)
    return withdrawing.hand_over(services, house.asked(), transfer, who)


def ask(house: House, code: str, who: str) -> Any:
    answer = requests.add(house.services, house.asked(), Asking(code, who, "legal"))
    if answer.basket != "done":
        return answer
    return requests.decide(house.services, house.asked(), answer.more["request"]["id"], "authorise")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1), st.sampled_from(PEOPLE)), max_size=14))
def test_case_15_any_history_leaves_the_cache_as_the_ledger_says(
    house: House, acts: list[tuple[str, int, str]]
) -> None:
    codes = [house.file("A", pages=3), house.file()]
    for act, which, who in acts:
        answer = do(house, act, codes[which], who)
        assert answer.basket in ("done", "blocked", "confirm", "alert", "info")
        assert bool(answer.events) or answer.basket != "done" or act == "absent"
    with house.services.database.read() as connection:
        files = [house.row(code).id for code in codes]
        query = select(loans.c.file, func.count()).where(loans.c.closed_at.is_(None), loans.c.file.in_(files))
        assert all(count == 1 for _, count in connection.execute(query.group_by(loans.c.file)))
    for code in codes:
        row = house.row(code)
        with house.services.database.read() as connection:
            loan = connection.execute(select(loans).where(loans.c.file == row.id, loans.c.closed_at.is_(None))).first()
        assert (row.state == "on_loan") == (loan is not None and loan.state in ("open", "claimed_returned"))
        assert (row.holder is None) == (row.state != "on_loan")
    assert house.problems() == []


BOX_ACTS = ("lend box", "return box", "move box", "lend", "return", "check", "refile", "put in", "take out", "withdraw")


def do_with_box(house: House, act: str, box: str, code: str, who: str) -> Any:
    """Do one act with a box or with a file that is, or was, in it; every question is answered."""
    services = house.services
    asked = house.asked(
        None, "box-partial", "box-contents", "leaves-incomplete", "queue", "count-pages", reason="audit"
    )
    acts = {
        "lend box": lambda: lending.lend(services, asked, Lending((box,), who, "audit")),
        "return box": lambda: returning.give_back(services, asked, box),
        "move box": lambda: shelving.locate(services, asked, box, "A" if who == "Ana" else "B"),
        "lend": lambda: lending.lend(services, asked, Lending((code,), who, "audit")),
        "return": lambda: returning.give_back(services, asked, code),
        "check": lambda: counting.check(services, asked, code, Count(pages=3)),
        "refile": lambda: shelving.refile(services, asked, code),
        "put in": lambda: shelving.locate(services, asked, code, box),
        "take out": lambda: shelving.locate(services, asked, code, "A"),
        "withdraw": lambda: withdraw(house, box, who),
    }
    return acts[act]()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(BOX_ACTS), st.integers(0, 1), st.sampled_from(PEOPLE)), max_size=12))
def test_any_history_of_a_box_keeps_its_files_where_the_ledger_says(
    house: House, acts: list[tuple[str, int, str]]
) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    codes = [house.file(box, pages=3) for _ in range(2)]
    for act, which, who in acts:
        answer = do_with_box(house, act, box, codes[which], who)
        assert answer.basket in ("done", "blocked", "confirm", "alert", "info")
    with house.services.database.read() as connection:
        row = connection.execute(select(boxes).where(boxes.c.barcode == box)).one()
        whole = connection.execute(select(loans).where(loans.c.box == row.id, loans.c.closed_at.is_(None))).all()
        assert len(whole) <= 1 and (row.state == "on_loan") == any(loan.state == "open" for loan in whole)
        for code in codes:
            file = house.row(code)
            mine = (loans.c.file == file.id) & loans.c.closed_at.is_(None)
            out = connection.execute(select(loans).where(mine)).all()
            assert len(out) <= 1 and (file.state == "on_loan") == any(loan.state == "open" for loan in out)
            assert file.box != row.id or row.state != "withdrawn" or file.state == "withdrawn"
    assert house.problems() == []
