"""Lending and what comes back: the acceptance cases of the reference, by their numbers, and what clerks get wrong."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desk_house import House
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from custody.loan_tables import checks, incidents, loans, slips
from custody.tables import events
from records.desk_answers import Said
from records.ids import instant
from tasks.desk import boxing, counting, finding, lending, missing, returning, shelving
from tasks.desk import loans as loan_lists
from tasks.desk.acts import Answer, Mark, look
from tasks.desk.boxing import NewBox
from tasks.desk.counting import Count
from tasks.desk.lending import Lending


@pytest.fixture
def house(services) -> House:
    made = House(services)
    made.place("A")
    made.person("Ana", "borrower")
    made.person("Luis", "borrower")
    made.person("Sara", "archivist")
    return made


def lend(house: House, *papers: str, to: str = "Ana", by: str | None = None, answers: tuple[str, ...] = (),
         reason: str | None = None, occurred: datetime | None = None, **more: Any) -> Any:  # fmt: skip
    asked = house.asked(by, *answers, reason=reason, occurred=occurred)
    return lending.lend(house.services, asked, Lending(papers, to, "audit", **more))


def give_back(house: House, code: str, *answers: str, count: Count | None = None, **said: Any) -> Any:
    return returning.give_back(house.services, house.asked(None, *answers, **said), code, count)


def check(house: House, code: str, *answers: str, **count: Any) -> Any:
    return counting.check(house.services, house.asked(None, *answers), code, Count(**count))


def loan_of(house: House, code: str) -> Any:
    """Return the newest loan of a file."""
    with house.services.database.read() as connection:
        query = (
            select(loans)
            .where(loans.c.file == house.row(code).id)
            .order_by(loans.c.opened_at.desc(), loans.c.id.desc())
        )
        return connection.execute(query).first()


def test_a_file_is_lent_found_with_its_borrower_returned_counted_and_put_back(house: House) -> None:
    code = house.file("A", pages=12)
    answer = lend(house, code)
    assert answer.basket == "done" and answer.loan and answer.more["slip"].startswith("S")
    where = finding.find(house.services, house.asked(), code)
    assert where.said.code == "found-with" and where.more["holder"] == "Ana" and where.location is None
    back = give_back(house, code)
    assert back.said.code == "returned" and house.row(code).state == "returned"
    assert loan_of(house, code).state == "return_pending_check" and loan_of(house, code).closed_at is None
    assert shelving.refile(house.services, house.asked(), code).said.code == "unchecked"
    assert check(house, code, pages=12).said.code == "checked"
    assert loan_of(house, code).state == "closed"
    assert shelving.refile(house.services, house.asked(), code).location == "MAIN/A"
    assert house.problems() == []


def test_case_1_of_two_clerks_at_once_one_wins_and_the_other_is_told_who_has_it(house: House) -> None:
    house.person("Eva", "clerk")
    code = house.file("A")
    found: list[Any] = []
    acts = [
        lambda: found.append(lend(house, code, to="Ana")),
        lambda: found.append(lend(house, code, to="Luis", by="Eva")),
    ]
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = next(answer for answer in found if answer.basket == "blocked")
    won = next(answer for answer in found if answer.basket == "done")
    assert lost.said.code == "already-lent" and won.said.values["person"] in lost.said.text()
    assert house.problems() == []


def test_case_1_the_index_itself_refuses_a_second_open_loan(house: House) -> None:
    code = house.file("A")
    lend(house, code)
    with house.services.database.read() as connection:
        row = connection.execute(select(loans)).one()._asdict()
    with pytest.raises(IntegrityError), house.services.database.write() as connection:
        connection.execute(insert(loans).values({**row, "id": "lon_2"}))


def test_case_1_a_constraint_that_is_met_all_the_same_becomes_the_clear_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = house.file("A")
    real, met = lending.check, []

    def looks_free(facts: Any) -> Any:
        if not met:  # as if another clerk had lent it between the look and the write, and nothing locked
            met.append(True)
            with house.services.database.engine.connect() as connection:
                met.append(connection.execute(select(func.count()).select_from(loans)).scalar())
            raise IntegrityError("insert", {}, Exception("uq_loans_file_open"))
        return real(facts)

    monkeypatch.setattr(lending, "check", looks_free)
    assert lend(house, code).basket == "done" and met == [True, 0]


def test_lending_again_to_who_has_it_says_so_and_moves_nothing(house: House) -> None:
    code = house.file("A")
    lend(house, code)
    again = lend(house, code)
    assert again.said.code == "lent-to-same" and again.exit_code == 0 and again.events == ()
    assert house.row(code).state == "on_loan"


@pytest.mark.parametrize("act", ["find", "return"])
def test_case_3_a_return_is_never_an_error(house: House, act: str) -> None:
    code = house.file("A")
    answer = give_back(house, code)
    assert answer.said.code == "sighted" and answer.exit_code == 0 and answer.events
    assert house.row(code).state == "checked"  # off its shelf now: it is on the put-back list
    lend(house, code)
    give_back(house, code)
    again = give_back(house, code)
    assert again.said.code == "returned-already" and again.exit_code == 0
    assert house.problems() == []


def test_case_3_a_file_of_another_site_goes_home_after_it_is_counted(house: House) -> None:
    code = house.file("A", pages=3)
    lend(house, code)
    house.place("SUR", kind="SITE")
    back = give_back(house, code, at="SUR/DESK")
    assert "wrong-site" in [note.code for note in back.notes] and back.location == "SUR/IN"
    counted = counting.check(house.services, house.asked(at="SUR/DESK"), code, Count(pages=3))
    assert [note.code for note in counted.notes] == ["sent-home"] and house.row(code).state == "in_transit"
    seen = give_back(house, code, at="SUR/DESK")
    assert seen.said.code == "sighted-still" and house.row(code).state == "in_transit"
    arrived = give_back(house, code, at="MAIN/DESK")
    assert arrived.said.code == "arrived" and house.row(code).state == "checked"
    assert shelving.refile(house.services, house.asked(at="MAIN/DESK"), code).location == "MAIN/A"
    assert house.problems() == []


def test_case_5_a_return_may_be_dated_back_but_not_before_its_loan_nor_into_the_future(house: House) -> None:
    code = house.file("A", pages=2)
    before = datetime.now(UTC) - timedelta(days=3)
    lend(house, code)
    assert give_back(house, code, occurred=before).said.code == "before-the-last"
    assert give_back(house, code, occurred=datetime.now(UTC) + timedelta(hours=1)).said.code == "in-the-future"
    moment = datetime.now(UTC)
    answer = give_back(house, code, occurred=moment)
    assert answer.basket == "done"
    loan = loan_of(house, code)
    assert loan.returned_at == instant(moment) and loan.returned_recorded >= loan.returned_at
    with house.services.database.read() as connection:
        from custody.ledger import entries

        last = next(entry.event for entry in reversed(list(entries(connection))) if entry.event["type"] == "returned")
    assert last["occurred"] == instant(moment) and last["ts"] >= last["occurred"]


def test_case_6_a_box_is_lent_whole_and_comes_back_in_part(house: House) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    codes = [house.file(box, pages=1) for _ in range(30)]
    answer = lend(house, box)
    assert answer.basket == "done" and len(answer.events) == 31
    due = answer.due
    assert {house.row(code).state for code in codes} == {"on_loan"}
    assert slip_states(house, codes) == {"delivered"}
    for code in codes[:17]:
        assert give_back(house, code).basket == "done"
    with house.services.database.read() as connection:
        still = connection.execute(
            select(loans).where(loans.c.closed_at.is_(None), loans.c.state == "open", loans.c.file.is_not(None))
        ).all()
    assert len(still) == 13 and {row.due_on for row in still} == {due}
    assert slip_states(house, codes) == {"returned_incomplete"}
    question = give_back(house, box)
    assert question.said.code == "box-contents" and question.exit_code == 3
    rest = give_back(house, box, "box-contents")
    assert rest.said.values["count"] == 13
    assert {house.row(code).state for code in codes} == {"returned"}
    assert slip_states(house, codes) == {"returned"}
    assert house.problems() == []


def slip_states(house: House, codes: list[str]) -> set[str]:
    """What the slips of these files are, as lists of loans say."""

    def listed(desk: Any) -> Answer:
        return Answer(Said("inventory"), more={"loans": loan_lists.listed(desk)})

    rows = look(house.services, house.asked(), listed).more["loans"]
    return {row["slip_state"] for row in rows if row["barcode"] in codes}


def test_a_box_of_which_somebody_has_a_part_is_lent_only_when_that_is_said(house: House) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    codes = [house.file(box) for _ in range(3)]
    lend(house, codes[0], to="Luis")
    assert lend(house, box).said.code == "box-partial"
    assert lend(house, box, answers=("box-partial",)).basket == "done"
    assert finding.find(house.services, house.asked(), codes[0]).more["holder"] == "Luis"
    assert finding.find(house.services, house.asked(), codes[1]).more["holder"] == "Ana"


def test_case_8_one_page_short_is_an_incident_and_the_file_is_kept_aside(house: House) -> None:
    code = house.file("A", pages=212)
    lend(house, code)
    give_back(house, code)
    answer = check(house, code, pages=211)
    assert answer.said.code == "pages-short" and answer.basket == "alert" and "Ana" in (answer.next_step() or "")
    assert house.row(code).state == "quarantine" and answer.location == "MAIN/QUARANTINE"
    assert loan_of(house, code).state == "closed_with_incident"
    assert shelving.refile(house.services, house.asked(), code).said.code == "in-quarantine"
    assert lend(house, code).said.code == "in-quarantine"
    with house.services.database.read() as connection:
        kept = connection.execute(select(incidents)).one()
    assert kept.kind == "PAGES_SHORT" and kept.detail == {"expected": 212, "pages": 211, "added": 0, "removed": 0}
    assert counting.settle_file(house.services, house.asked(), code).said.code == "settle-reason"
    settled = counting.settle_file(house.services, house.asked("Sara", reason="dispute"), code)
    assert settled.said.code == "settled" and house.row(code).pages_expected == 211
    assert shelving.refile(house.services, house.asked(), code).said.code == "refiled"
    assert house.problems() == []


def test_case_8_two_pages_more_that_were_declared_are_as_they_should_be(house: House) -> None:
    code = house.file("A", pages=212)
    lend(house, code)
    give_back(house, code)
    assert check(house, code, pages=214, added=2, declared="a letter").said.code == "checked"
    assert house.row(code).state == "checked" and house.row(code).pages_expected == 214


def test_case_8_two_pages_more_that_nobody_declared_are_an_incident(house: House) -> None:
    code = house.file("A", pages=212)
    lend(house, code)
    assert give_back(house, code, count=Count(pages=214)).said.code == "pages-extra"
    assert house.row(code).state == "quarantine"


def test_what_was_not_counted_is_asked_for(house: House) -> None:
    code = house.file("A", pages=5)
    lend(house, code)
    give_back(house, code)
    question = check(house, code)
    assert question.said.code == "count-pages" and question.exit_code == 3
    assert check(house, code, "count-pages").said.code == "checked-whole"


def test_case_9_the_same_scan_replayed_moves_once(house: House) -> None:
    code = house.file("A")
    mark = Mark("reader", "session", 7)
    asked = house.asked(None, mark=mark)
    first = lending.lend(house.services, asked, Lending((code,), "Ana", "audit"))
    again = lending.lend(house.services, asked, Lending((code,), "Ana", "audit"))
    assert again == first and first.basket == "done"
    with house.services.database.read() as connection:
        count = connection.execute(select(func.count()).select_from(events).where(events.c.type == "lent")).scalar()
    assert count == 1


def test_the_same_event_id_moves_once(house: House) -> None:
    code = house.file("A")
    event = house.services.ids.new("evt")
    first = lending.lend(house.services, house.asked(None, event=event), Lending((code,), "Ana", "audit"))
    again = lending.lend(house.services, house.asked(None, event=event), Lending((code,), "Ana", "audit"))
    assert first.basket == "done" and again.said.code == "already-recorded" and again.events == first.events[:1]


def test_case_14_a_missing_file_that_is_scanned_cannot_be_lent_until_a_supervisor_approves(house: House) -> None:
    code = house.file("A")
    missing.missing(house.services, house.asked(None, "search-again"), code)
    assert lend(house, code).said.code == "not-available"
    assert give_back(house, code).said.code == "found"
    assert lend(house, code).said.code == "not-available"
    missing.found(house.services, house.asked("Sara", "approve"), code)
    assert lend(house, code).basket == "done"


def test_what_is_lost_on_loan_keeps_its_loan_until_it_is_found_and_counted(house: House) -> None:
    code = house.file("A", pages=4)
    lend(house, code)
    assert missing.missing(house.services, house.asked(), code).loan == loan_of(house, code).id
    assert loan_of(house, code).state == "declared_lost" and loan_of(house, code).closed_at is None
    give_back(house, code)
    missing.found(house.services, house.asked("Sara", "approve"), code)
    assert house.row(code).state == "returned" and loan_of(house, code).state == "return_pending_check"
    assert check(house, code, pages=4).said.code == "checked"
    assert house.problems() == []


def test_who_may_borrow_is_asked_of_the_accreditations(house: House) -> None:
    house.person("Otto", "borrower", until="2020-01-01")
    house.person("Nora")
    code, secret = house.file("A"), house.file("A", access_class="secret")
    assert lend(house, code, to="Otto").said.code == "not-accredited"
    assert lend(house, code, to="Nora").said.code == "not-accredited"
    assert lend(house, secret, to="Ana").said.code == "not-cleared"
    assert lend(house, code, to="Nobody").said.code == "unknown-person"
    me = house.services.person.name
    assert lend(house, secret, to=me).said.code == "lend-to-oneself"
    assert lend(house, secret, to=me, by="Sara").basket == "done"
    own = lend(house, code, to=me)
    assert own.basket == "alert" and [note.code for note in own.notes] == ["to-oneself"]


def test_several_papers_are_lent_all_or_none(house: House) -> None:
    first, second = house.file("A"), house.file("A")
    lend(house, second, to="Luis")
    refused = lend(house, first, second)
    assert refused.said.code == "already-lent" and refused.file == house.row(second).id
    assert house.row(first).state == "stored"
    third = house.file("A")
    both = lend(house, first, third)
    assert both.said.code == "lent-many" and len(both.more["loans"]) == 2
    with house.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(slips)).scalar() == 2


def test_a_dry_run_says_what_lending_would_say_and_lends_nothing(house: House) -> None:
    code = house.file("A")
    answer = lending.would_lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))
    assert answer.said.code == "lent" and answer.events == () and house.row(code).state == "stored"


def test_pages_counted_when_it_goes_out_are_what_it_is_compared_with(house: House) -> None:
    code = house.file("A", pages=10)
    question = lend(house, code, pages=9)
    assert question.said.code == "pages-differ" and question.exit_code == 3
    assert lend(house, code, pages=9, answers=("pages-differ",)).basket == "done"
    give_back(house, code)
    assert check(house, code, pages=9).said.code == "checked"
    with house.services.database.read() as connection:
        moments = connection.execute(select(checks.c.moment, checks.c.pages).order_by(checks.c.at)).all()
    assert [tuple(row) for row in moments] == [("OUT", 9), ("IN", 9)]


def test_a_due_date_on_a_closed_day_is_moved_to_the_next_open_one(house: House) -> None:
    code = house.file("A")
    today = house.services.today()
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 + 7)
    answer = lend(house, code, due=saturday)
    assert answer.due == (saturday + timedelta(days=2)).isoformat()
    assert [note.code for note in answer.notes] == ["due-moved"]
    assert lend(house, house.file("A"), due=today - timedelta(days=1)).said.code == "refused"
