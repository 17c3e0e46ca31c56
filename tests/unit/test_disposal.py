"""Disposal: what is left of a record, what is not, and who decides."""

from pathlib import Path

import pytest
from disposal_house import NAME, TEXT, VALUE, WORDS, Planted, Run, approved, dispose, events, propose, sql

CLEAR = ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "index", "work", "tmp", "quarantine", "ledger")


def raw(home: Path, *names: str) -> bytes:
    """The bytes of everything that lies in clear: the database with its log, the index, working folders."""
    files = [file for name in names for file in (home / name, *(home / name).rglob("*")) if file.is_file()]
    return b"".join(file.read_bytes() for file in files)


# --- what is left, and what is not


def test_nothing_of_a_disposed_record_is_left_anywhere(planted: Planted, run: Run, ana: Run) -> None:
    secrets = [word.encode() for word in (NAME, VALUE, WORDS, planted.sha256, TEXT, VALUE.lower())]
    before = raw(planted.home, *CLEAR)
    assert [secret for secret in secrets[:4] if secret not in before] == []  # an index does not keep words in one piece
    done = dispose(run, ana, planted.record)
    assert (done["state"], done["disposed"], done["dropped"]) == ("finished", 1, 0)
    for name in CLEAR:
        assert [secret for secret in secrets if secret in raw(planted.home, name)] == [], name
    assert run("search", TEXT, "--json").document["total"] == 0
    assert run("search", "", "--field", f"reference={VALUE}", "--json").document["total"] == 0
    assert b"autoridad-9" in raw(planted.home, "catalogue.db")  # by whose order it went stays


def test_the_history_is_left_and_verifies(planted: Planted, run: Run, ana: Run) -> None:
    before = [e["type"] for e in run("record", "timeline", planted.record, "--json").document["events"]]
    dispose(run, ana, planted.record)
    after = [e["type"] for e in run("record", "timeline", planted.record, "--json").document["events"]]
    assert after[: len(before)] == before
    assert after[len(before) :] == [
        "disposal_proposed", "disposal_approved", "key_destroyed", "disposed", "object_removed",
    ]  # fmt: skip
    report = run("custody", "check", "--json").document
    assert report["verdict"] == "holds" and report["pending"] == [] and report["orphans"] == []
    assert run("index", "status", "--json").document["equal"] is True
    assert run("fixity", "run").code == 0
    assert run("status", "--json").document["counts"]["disposed"] == 1
    assert planted.record in [
        r["id"] for r in run("record", "list", "--state", "disposed", "--json").document["records"]
    ]


def test_a_key_and_an_object_that_were_kept_are_named(planted: Planted, run: Run, ana: Run) -> None:
    """As who has an older backup would put back a disposed document's envelope, and its sealed original."""
    ((vault, client, envelope, created),) = sql(
        planted.home, "SELECT vault_key, client, envelope, created FROM key_envelopes WHERE original = ?",
        planted.original,
    )  # fmt: skip
    (sealed,) = (planted.home / "store").rglob(f"*{planted.original}*/*.age")
    kept = sealed.read_bytes()
    dispose(run, ana, planted.record)
    assert run("custody", "check").code == 0
    columns = "original, vault_key, client, envelope, created"
    kept_row = (planted.original, vault, client, envelope, created)
    sql(planted.home, f"INSERT INTO key_envelopes ({columns}) VALUES (?, ?, ?, ?, ?)", *kept_row)
    sealed.parent.mkdir(parents=True, exist_ok=True)
    sealed.write_bytes(kept)
    report = run("custody", "check", "--json")
    found = [(problem["kind"], problem["expected"]) for problem in report.document["problems"]]
    assert report.code == 1 and ("disposed", "no envelope") in found and ("disposed", "no object") in found


def test_what_is_disposed_of_opens_no_more(planted: Planted, run: Run, ana: Run, tmp_path: Path) -> None:
    sealed = {path.name: path.read_bytes() for path in (planted.home / "store").rglob("*.age")}
    dispose(run, ana, planted.record)
    for line in (
        ["record", "show", planted.record], ["record", "text", planted.record], ["review", "show", planted.record],
        ["record", "pdf", planted.record, "--to", tmp_path / "x"],
        ["original", "open", planted.original, "--reason", "audit", "--to", tmp_path / "x"],
        ["original", "envelope", planted.record, "--reason", "audit", "--to", tmp_path / "x"],
        ["record", "alto", planted.record, "--to", tmp_path / "x"],
        ["record", "export", planted.record, "--to", tmp_path / "x", "--reason", "audit"],
        ["keys", "release", planted.original, "--reason", "audit", "--to", tmp_path / "x"],
    ):  # fmt: skip
        answer = run(*line, "--json")
        assert answer.code == 68 and answer.document["error"]["code"] == "disposed", line
    assert run("review", "correct", planted.record, "--set", "title=x", "--json").code == 68
    assert not (tmp_path / "x").exists()
    left = {path.name for path in (planted.home / "store").rglob("*.age")}
    assert len(sealed) - len(left) == 3  # the original, its words, its readable copy
    assert sql(planted.home, "SELECT count(*) FROM key_envelopes WHERE original = ?", planted.original) == [(0,)]
    # whoever kept a copy of the sealed bytes finds no envelope that opens them, of any epoch
    row = sql(planted.home, "SELECT vault_key, until FROM key_wrappings WHERE original = ?", planted.original)
    assert len(row) == 1 and row[0][1] is not None


def test_the_same_bytes_may_come_again(planted: Planted, run: Run, ana: Run, tmp_path: Path) -> None:
    dispose(run, ana, planted.record)
    again = run("ingest", planted.file, "--json").document
    assert again["accessioned"] == 1 and again["scans"][0]["records"] != [planted.record]
    assert run("search", TEXT, "--json").document["total"] == 1
    dispose(run, ana, again["scans"][0]["records"][0])  # two tombstones of one client stand side by side
    assert run("custody", "check").code == 0


def test_an_index_made_anew_knows_nothing_of_it(planted: Planted, run: Run, ana: Run) -> None:
    dispose(run, ana, planted.record)
    assert run("index", "rebuild").code == 0
    assert run("search", TEXT, "--json").document["total"] == 0
    assert run("index", "status", "--json").document["equal"] is True


def test_other_records_are_as_they_were(planted: Planted, run: Run, ana: Run, tmp_path: Path) -> None:
    others = [r for r in run("record", "list", "--json").document["records"] if r["id"] != planted.record]
    before = [run("record", "show", other["id"], "--json").document for other in others]
    dispose(run, ana, planted.record)
    assert [run("record", "show", other["id"], "--json").document for other in others] == before
    for other in others:
        assert run("original", "open", other["id"], "--reason", "audit", "--to", tmp_path / "o").code == 0
    assert run("search", "factura", "--json").document["total"] > 0


def test_the_key_of_an_original_lives_as_long_as_a_record_of_it(planted: Planted, run: Run, ana: Run) -> None:
    """A file that was split: two records of one original."""
    second = "rec_" + "5" * 32
    names = [column[1] for column in sql(planted.home, "PRAGMA table_info(records)")]
    row = dict(zip(names, sql(planted.home, "SELECT * FROM records WHERE id = ?", planted.record)[0], strict=True))
    row |= {"id": second, "detail_salt": None}
    sql(planted.home, f"INSERT INTO records ({','.join(row)}) VALUES ({','.join('?' * len(row))})", *row.values())
    sql(
        planted.home,
        "INSERT INTO record_sources SELECT ?, 1, client, original, scan, 2, 2 FROM record_sources WHERE record = ?",
        second, planted.record,
    )  # fmt: skip
    dispose(run, ana, planted.record)
    assert events(planted.home, "key_destroyed") == []
    assert sql(planted.home, "SELECT state FROM originals WHERE id = ?", planted.original) == [("stored",)]
    assert sql(planted.home, "SELECT count(*) FROM key_envelopes WHERE original = ?", planted.original) == [(1,)]
    assert NAME.encode() in raw(planted.home, "catalogue.db")  # the scan is still that of a living record
    sql(planted.home, "UPDATE records SET state = 'accessioned' WHERE id = ?", second)
    seeded_registration(planted, second)
    dispose(run, ana, second)
    assert [event["subject"] for event in events(planted.home, "key_destroyed")] == [planted.original]
    assert NAME.encode() not in raw(planted.home, "catalogue.db")


def seeded_registration(planted: Planted, record: str) -> None:
    """Give the second record of a split file the event that registers it."""
    from custody.ledger import Draft, append
    from infra.services import open_services
    from tasks.services import SYSTEM

    services = open_services()
    client = sql(planted.home, "SELECT client FROM records WHERE id = ?", record)[0][0]
    with services.database.write() as connection:
        draft = Draft(services.ids.new("evt"), "registered", record, SYSTEM, client=client, after="accessioned")
        append(connection, draft, services.clock.now())
    services.close()


# --- who decides


def test_who_proposed_does_not_approve(planted: Planted, run: Run) -> None:
    order = propose(run, planted.record).document["order"]
    answer = run("disposal", "approve", order, "--reason", "audit", "--json")
    assert answer.code == 27 and run("disposal", "run", order, "--json").code == 67
    last = events(planted.home)[-1]
    assert (last["type"], last["subject"], last["reason"]) == ("access_denied", order, "approve_disposal")
    assert run("search", TEXT, "--json").document["total"] == 1


@pytest.mark.parametrize(
    ("line", "roles"),
    [
        (["disposal", "propose", "RECORD", "--reason", "legal"], ("archivist", "proposer")),
        (["disposal", "approve", "ORDER", "--reason", "audit"], ("approver",)),
        (["disposal", "refuse", "ORDER", "--reason", "audit"], ("archivist", "proposer", "approver")),
        (["disposal", "run", "ORDER"], ("custodian",)),
        (["disposal", "show", "ORDER"], ("archivist", "proposer", "approver", "custodian", "compliance")),
        (["disposal", "due"], ("archivist", "proposer", "approver", "custodian", "compliance")),
        (["hold", "set", "RECORD", "--reason", "legal"], ("archivist", "proposer", "approver", "compliance")),
    ],
)
def test_each_act_has_its_roles_and_every_denial_is_recorded(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch, line: list[str], roles: tuple[str, ...]
) -> None:
    from custody.access import ROLES

    record = run("record", "list", "--json").document["records"][0]["id"]
    order = propose(run, record).document["order"]
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    filled = [{"RECORD": record, "ORDER": order}.get(word, word) for word in line]
    for role in ROLES:
        run("person", "accredit", "Ana", "--role", role)
        code = run("--as", "Ana", *filled, "--json").code
        denied = events(held)[-1]["type"] == "access_denied"
        assert (code == 27) == denied == (role not in roles), role
        run("person", "accredit", "Ana", "--role", role, "--until", "2020-01-01")
        if role in roles:
            break


def test_a_right_that_has_ended_carries_nothing_out(planted: Planted, run: Run, ana: Run) -> None:
    order = approved(run, ana, planted.record)
    run("person", "accredit", "Ana", "--role", "approver", "--until", "2020-01-01")
    answer = run("disposal", "run", order, "--json")
    assert answer.code == 67 and "right" in answer.document["error"]["message"]
    assert run("search", TEXT, "--json").document["total"] == 1 and events(planted.home, "key_destroyed") == []


def test_an_order_that_is_refused_or_taken_back_frees_its_records(planted: Planted, run: Run, ana: Run) -> None:
    for refuse in (run, ana):
        order = propose(run, planted.record).document["order"]
        assert propose(run, planted.record).code == 67  # on one order at most
        refused = refuse("disposal", "refuse", order, "--reason", "dispute: still needed", "--json").document
        assert (refused["state"], refused["records"][0]["state"]) == ("refused", "dropped")
    order = approved(run, ana, planted.record)
    assert run("disposal", "refuse", order, "--reason", "dispute").code == 0  # approved, and not yet begun
    assert run("disposal", "run", order, "--json").code == 67
    assert ana("disposal", "approve", order, "--reason", "audit", "--json").code == 67
    assert events(planted.home, "key_destroyed") == [] and run("custody", "check").code == 0


def test_a_finished_order_is_neither_run_nor_refused_again(planted: Planted, run: Run, ana: Run) -> None:
    order = dispose(run, ana, planted.record)["order"]
    count = len(events(planted.home))
    assert run("disposal", "run", order, "--json").document["disposed"] == 0
    assert run("disposal", "refuse", order, "--reason", "dispute", "--json").code == 67
    assert propose(run, planted.record).code == 67  # it is disposed of
    assert len(events(planted.home)) == count


def test_an_order_is_of_one_clients_records(planted: Planted, run: Run) -> None:
    run("client", "add", "Other")
    me = run("person", "list", "--json").document[0]["name"]
    run("person", "accredit", me, "--role", "archivist", "--client", "Other")
    line = ("disposal", "propose", planted.record, "--client", "Other", "--basis", "law", "--reason", "legal: x")
    assert run(*line, "--json").code == 13


@pytest.mark.parametrize(
    "line",
    [["disposal", "propose", "--reason", "legal"], ["disposal", "propose", "--due", "rec_1", "--reason", "legal"],
     ["disposal", "propose", "rec_1", "--basis", "law", "--reason", "legal"],
     ["disposal", "propose", "--due", "--basis", "instruction", "--reason", "legal: x"],
     ["disposal", "propose", "rec_1", "--reason", "whim"]],
)  # fmt: skip
def test_what_is_asked_in_another_form_is_refused(held: Path, run: Run, line: list[str]) -> None:
    assert run(*line, "--json").code == 15
