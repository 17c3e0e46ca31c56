"""Paper is destroyed by three people, and not where anything stands in the way; the certificate says all of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk_house import House
from printed import text
from sqlalchemy import select, update

from custody.desk_tables import physical_files
from custody.disposal_tables import disposal_orders
from custody.holds import release_hold, set_hold
from custody.loan_tables import incidents
from custody.opening import Act
from records.errors import AccessDeniedError, DisposalRefusedError, UnknownIdError
from tasks import paper_disposal
from tasks.desk import boxing, counting, lending, requests, returning, shelving, transfers
from tasks.desk.boxing import NewBox
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.requests import Asking
from tasks.desk.transfers import NewTransfer
from tasks.disposal import Proposal
from tasks.paper_certificate import certificate
from tasks.paper_disposal import Destruction

BY_LAW = Proposal("law", "legal", "Act 16/1985")


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    for name, role in (("Pía", "proposer"), ("Abel", "approver"), ("Celia", "custodian"), ("Ana", "reader")):
        made.person(name, role)
    made.person("Wanda")
    return made


def actor(house: House, name: str, role: str) -> Any:
    return house.people[name].actor(role)


def propose(house: House, *codes: str, by: str = "Pía", proposal: Proposal = BY_LAW) -> str:
    services = house.services
    return paper_disposal.propose(
        services, house.client("default"), codes, proposal, house.people[by], actor(house, by, "proposer")
    )


def approve(house: House, order: str, by: str = "Abel", words: str | None = "letter of 3 March") -> None:
    act = Act("disposal_approved", actor(house, by, "approver"), "audit", words)
    paper_disposal.approve(house.services, order, house.people[by], act)


def destroy(house: House, order: str, *codes: str, by: str = "Celia", witness: str = "Wanda") -> int:
    how = Destruction(house.people[witness], "shredded", "Planta de Getafe")
    return paper_disposal.destroy(house.services, order, codes, how, house.people[by], actor(house, by, "custodian"))


def refuse(house: House, order: str, *codes: str, by: str = "Abel") -> None:
    act = Act("disposal_refused", actor(house, by, "approver"), "error")
    paper_disposal.refuse(house.services, order, act, codes)


def state(house: House, order: str) -> str:
    with house.services.database.read() as connection:
        return str(
            connection.execute(select(disposal_orders.c.state).where(disposal_orders.c.id == order)).scalar_one()
        )


def test_a_file_is_listed_approved_and_destroyed_by_three_people(house: House) -> None:
    code = house.file("A", pages=7, case_no="EXP/9")
    order = propose(house, code)
    assert house.row(code).state == "disposal_listed"
    approve(house, order)
    assert destroy(house, order, code) == 1
    row = house.row(code)
    assert (row.state, row.place, row.box) == ("destroyed", None, None) and state(house, order) == "finished"
    with house.services.database.read() as connection:
        found = certificate(connection, order)
    assert (found["proposed"]["by"], found["approved"]["by"]) == ("Pía", "Abel")
    assert (found["destroyed"]["by"], found["destroyed"]["witness"]) == ("Celia", "Wanda")
    assert found["authorisation"] == "letter of 3 March" and found["ledger_before"]["size"] > 0
    (paper,) = found["papers"]
    assert [one["type"] for one in paper["entries"]] == ["refiled", "listed", "disposal_approved", "disposed"]
    assert house.problems() == []


def test_nothing_happens_to_destroyed_paper_any_more(house: House) -> None:
    code = house.file("A")
    order = propose(house, code)
    approve(house, order)
    destroy(house, order, code)
    before = house.row(code)
    assert lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit")).basket == "blocked"
    assert requests.add(house.services, house.asked(), Asking(code, "Ana", "audit")).said.code == "not-requestable"
    assert shelving.locate(house.services, house.asked(), code, "A").basket == "blocked"
    assert returning.give_back(house.services, house.asked(), code).said.code == "seen-after-end"  # an incident
    with pytest.raises(DisposalRefusedError):
        propose(house, code)
    assert house.row(code) == before
    with house.services.database.read() as connection:
        assert connection.execute(select(incidents.c.kind)).scalar_one() == "SEEN_AFTER_DESTRUCTION"
    assert house.problems() == []


@pytest.mark.parametrize("act", ["lend", "request", "move", "pick"])
def test_what_is_listed_is_neither_lent_nor_asked_for_nor_moved(house: House, act: str) -> None:
    code = house.file("A")
    propose(house, code)
    acts: dict[str, Callable[[], Any]] = {
        "lend": lambda: lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit")),
        "request": lambda: requests.add(house.services, house.asked(), Asking(code, "Ana", "audit")),
        "move": lambda: shelving.locate(house.services, house.asked(), code, "A"),
        "pick": lambda: requests.pick(house.services, house.asked(), code),
    }
    assert acts[act]().basket == "blocked" and house.row(code).state == "disposal_listed"


def test_case_17_who_proposes_does_not_approve_and_neither_destroys(house: House) -> None:
    for name, roles in (("Pía", ("approver", "custodian")), ("Abel", ("custodian",))):
        house.person(name, *roles)
    code = house.file("A")
    order = propose(house, code)
    with pytest.raises(AccessDeniedError):
        approve(house, order, by="Pía")
    with pytest.raises(DisposalRefusedError):
        approve(house, order, words=None)  # without the client's word
    with pytest.raises(DisposalRefusedError):
        destroy(house, order, code)  # not approved
    approve(house, order)
    for name in ("Pía", "Abel"):
        with pytest.raises(AccessDeniedError):
            destroy(house, order, code, by=name)
    with pytest.raises(DisposalRefusedError):
        destroy(house, order, code, witness="Celia")  # who destroys is no witness
    assert house.row(code).state == "disposal_listed"


def test_case_17_a_right_that_ended_carries_nothing_out(house: House) -> None:
    code = house.file("A")
    order = propose(house, code)
    approve(house, order)
    yesterday = (house.services.clock.now() - timedelta(days=1)).date().isoformat()
    house.person("Abel", "approver", until=yesterday)
    with pytest.raises(DisposalRefusedError, match="approve"):
        destroy(house, order, code)
    assert house.row(code).state == "disposal_listed"


def hold(house: House, subject: str) -> str:
    with house.services.database.write() as connection:
        act = Act("hold_set", actor(house, "Abel", "approver"), "legal")
        return set_hold(house.services.vault, connection, subject, house.client("default", connection), act)


def lent(house: House, code: str) -> None:
    assert lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit")).basket == "done"


def asked(house: House, code: str) -> None:
    assert requests.add(house.services, house.asked(), Asking(code, "Ana", "audit")).basket == "done"


def short(house: House, code: str) -> None:
    counting.check(house.services, house.asked(), code, Count(pages=1))


def sent(house: House, code: str) -> None:
    house.place("B", kind="SITE")
    new = NewTransfer("default", "SITE", (code,), None, "B/IN")
    assert transfers.add(house.services, house.asked(at="MAIN/DESK"), new).said.code == "transfer-added"


REASONS: dict[str, Callable[[House, str], Any]] = {
    "on-loan": lent, "requested": asked, "paper-away": short, "in-transfer": sent,
    "hold": lambda house, code: hold(house, house.row(code).id),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_case_7_each_reason_stands_in_the_way_of_listing(house: House, reason: str) -> None:
    code = house.file("A", pages=5)
    REASONS[reason](house, code)
    before = house.row(code).state
    with pytest.raises(DisposalRefusedError, match=reason):
        propose(house, code)
    assert house.row(code).state == before and house.problems() == []


def test_case_7_retention_stands_in_the_way_unless_a_law_asks(house: House) -> None:
    code = house.file("A")
    with pytest.raises(DisposalRefusedError, match="no-rule"):
        propose(house, code, proposal=Proposal("retention", "audit"))
    assert propose(house, code)


def test_case_7_a_hold_set_after_the_approval_stops_the_shredder_and_two_must_be_released(house: House) -> None:
    code, other = house.file("A"), house.file("A")
    order = propose(house, code, other)
    approve(house, order)
    holds = [hold(house, house.row(code).id), hold(house, house.client("default"))]
    for one in holds:
        with pytest.raises(DisposalRefusedError, match="hold"):
            destroy(house, order, code)
        with house.services.database.write() as connection:
            act = Act("hold_released", actor(house, "Abel", "approver"), "legal")
            release_hold(house.services.vault, connection, one, act)
    assert destroy(house, order, code) == 1 and state(house, order) == "approved"
    assert destroy(house, order, other) == 1 and state(house, order) == "finished"
    assert house.problems() == []


def test_what_is_taken_off_the_order_is_as_it_was(house: House) -> None:
    one, two = house.file("A"), house.file("A")
    order = propose(house, one, two)
    refuse(house, order, one)
    assert (house.row(one).state, house.row(two).state) == ("stored", "disposal_listed")
    with pytest.raises(DisposalRefusedError):
        refuse(house, order, one)
    refuse(house, order)
    assert house.row(two).state == "stored" and state(house, order) == "refused"
    lent(house, one)
    assert propose(house, two) and house.problems() == []


def test_a_sealed_box_is_destroyed_by_its_own_scan_and_an_open_one_after_its_files(house: House) -> None:
    sealed = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    inside = [house.file(sealed) for _ in range(3)]
    assert boxing.seal(house.services, house.asked(), sealed, "S-1").basket == "done"
    opened = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    loose = house.file(opened)
    order = propose(house, sealed, opened)
    approve(house, order)
    with pytest.raises(DisposalRefusedError, match="sealed"):
        destroy(house, order, opened)
    assert destroy(house, order, sealed) == 4
    assert {house.row(code).state for code in inside} == {"destroyed"} and house.row(loose).state == "disposal_listed"
    assert destroy(house, order, loose, opened) == 2 and state(house, order) == "finished"
    assert house.problems() == []


def test_a_file_that_came_into_a_sealed_box_past_the_desk_stops_it(house: House) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    inside, late = house.file(box), house.file("A")
    boxing.seal(house.services, house.asked(), box, "S-1")
    order = propose(house, box)
    approve(house, order)
    with house.services.database.write() as connection:
        there = {"box": house.row(inside).box, "place": None}
        connection.execute(update(physical_files).where(physical_files.c.barcode == late).values(**there))
    with pytest.raises(DisposalRefusedError, match="does not wait"):
        destroy(house, order, box)
    assert {house.row(code).state for code in (inside, late)} == {"disposal_listed", "stored"}


def test_another_clients_paper_is_as_if_it_were_not_there(house: House) -> None:
    house.person(house.services.person.name, "clerk", client="Acme")
    with pytest.raises(UnknownIdError):
        propose(house, house.file(client="Acme"))


def test_the_commands_go_from_the_list_to_the_signed_certificate(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("place", "add", "S-01")
    code = run("file", "receive", "--title", "Nóminas de 1988", "--case", "EXP/1", "--pages", "7", "--json").document
    barcode = code["barcode"]
    run("file", "locate", barcode, "--at", "S-01")
    tokens = {}
    for name, role in (("Abel", "approver"), ("Celia", "custodian"), ("Wanda", "reader")):
        tokens[name] = run("person", "add", name, "--json").document["token"]
        run("person", "accredit", name, "--role", role)

    def by(name: str, *arguments: Any) -> Any:
        monkeypatch.setenv("MUNIMENT_TOKEN", tokens[name])
        answer = run("--as", name, "disposal", "paper", *arguments, "--json")
        monkeypatch.delenv("MUNIMENT_TOKEN")
        return answer

    made = run("disposal", "paper", "propose", barcode, "--basis", "law", "--reason", "legal: Act", "--json")
    order = made.document["order"]
    assert made.document["left"] == [barcode]
    assert run("disposal", "approve", order, "--reason", "audit", "--json").code != 0  # it is no order of records
    own = run("disposal", "paper", "approve", order, "--reason", "audit: letter", "--json")
    assert own.document["error"]["code"] == "access-denied"
    assert by("Abel", "approve", order, "--reason", "audit: Carta del 3 de marzo").code == 0
    target = tmp_path / "certificate.pdf"
    assert by("Abel", "show", order, "--certificate", target).code == 15  # nothing is destroyed yet
    done = by("Celia", "destroy", order, barcode, "--witness", "Wanda", "--at", "Getafe")
    assert done.code == 0 and done.document["state"] == "finished"
    assert by("Abel", "show", order, "--certificate", target, "--language", "es").code == 0
    printed = text(target.read_bytes())
    for word in ("Certificado de destrucción", "Celia", "Wanda", "Abel", "Carta del 3 de marzo", "EXP/1", "Getafe"):
        assert word in printed
    assert run("custody", "check", "--json").document["verdict"] == "holds"
    run("ledger", "publish")
    assert run("verify", "ledger", "--json").document["verdict"] == "holds"
