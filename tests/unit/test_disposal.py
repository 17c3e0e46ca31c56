"""Disposal: what is in the way, who decides, what is destroyed, and that nothing of it is left anywhere."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from custody.notes import COSIGNATURE_ED25519
from custody.signing_keys import make_signing_key

Run = Callable[..., Any]
AT = "2026-11-23T00:00:00.000Z"
NAME, TEXT, VALUE, WORDS = "zurullo-nombre", "quintaplana", "Zahorra-4471", "dijo-abundio"
CLEAR = ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "index", "work", "tmp", "quarantine", "ledger")


@dataclass
class Planted:
    """A record whose file name, text, field value and reasons are known, and a scan of the same bytes."""

    home: Path
    record: str
    original: str
    scan: str
    sha256: str
    file: Path


@pytest.fixture(scope="session")
def planted_home(held_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Path]:
    """A home with two records and a planted one; what `ingest` said of the planted scan; its file."""
    from running import Muniment

    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(held_home, folder / "home")
    muniment = Muniment(folder / "home")
    ours = {name for name in muniment.environment if name.startswith("MUNIMENT_")} - {"MUNIMENT_HOME"}
    muniment.environment = {name: value for name, value in muniment.environment.items() if name not in ours}
    file = folder / f"{NAME}.tif"
    page = Image.new("1", (1600, 400), 1)
    ImageDraw.Draw(page).text((60, 100), f"contrato {TEXT}", font=ImageFont.load_default(64), fill=0)
    page.save(file, dpi=(300, 300), compression="group4")
    (scan,) = muniment("ingest", file, "--class", "generic")["scans"]
    shutil.copy(file, folder / f"{NAME}-otra-vez.tif")
    assert muniment("ingest", folder / f"{NAME}-otra-vez.tif")["duplicate"] == 1
    record = scan["records"][0]
    muniment("review", "correct", record, "--set", f"reference={VALUE}", "--reason", f"review: {WORDS}")
    muniment("record", "show", record, "--reason", f"audit: {WORDS}")
    assert muniment("search", TEXT)["total"] == 1
    return folder / "home", scan, file


@pytest.fixture
def planted(home: Path, planted_home: tuple[Path, dict[str, Any], Path]) -> Planted:
    source, scan, file = planted_home
    shutil.copytree(source, home)
    return Planted(home, scan["records"][0], scan["original"], scan["scan"], scan["sha256"], file)


@pytest.fixture
def ana(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Ana acts; she is added at her first act, and accredited as approver."""

    def act(*arguments: Any) -> Any:
        added = run("person", "add", "Ana", "--json")
        if added.code == 0:
            run("person", "accredit", "Ana", "--role", "approver")
            monkeypatch.setenv("MUNIMENT_TOKEN", added.document["token"])
        return run("--as", "Ana", *arguments)

    return act


def events(home: Path, *types: str) -> list[dict[str, Any]]:
    found = [json.loads(leaf) for (leaf,) in sql(home, "SELECT leaf FROM events ORDER BY seq")]
    return [event for event in found if not types or event["type"] in types]


def sql(home: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def propose(run: Run, *records: str, basis: str = "law") -> Any:
    return run("disposal", "propose", *records, "--basis", basis, "--reason", "legal: autoridad-9", "--json")


def approved(run: Run, ana: Run, *records: str) -> str:
    order = str(propose(run, *records).document["order"])
    answer = ana("disposal", "approve", order, "--reason", "audit", "--json")
    assert answer.code == 0, answer.out
    return order


def dispose(run: Run, ana: Run, *records: str) -> dict[str, Any]:
    answer = run("disposal", "run", approved(run, ana, *records), "--json")
    assert answer.code == 0, answer.out
    return dict(answer.document)


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


# --- what is in the way


def file_of(planted: Planted, state: str = "stored") -> None:
    """Bind the record to a paper in a box."""
    client = sql(planted.home, "SELECT client FROM records WHERE id = ?", planted.record)[0][0]
    site = "loc_" + "1" * 32
    for code, target in (("S1", site), ("F1", "fil_" + "1" * 32), ("B1", "box_" + "1" * 32)):
        sql(planted.home, "INSERT INTO barcodes (code, kind, target, given) VALUES (?, 'F', ?, ?)", code, target, AT)
    sql(
        planted.home,
        "INSERT INTO boxes (id, client, barcode, sealed, count_due, itemised, marks, state, since, version, created)"
        " VALUES (?, ?, 'B1', 0, 0, 1, '[]', 'stored', ?, 0, ?)",
        "box_" + "1" * 32, client, AT, AT,
    )  # fmt: skip
    sql(
        planted.home,
        "INSERT INTO physical_files (id, client, barcode, kind, pages_basis, access_class, searches, state, since,"
        " box, version, created) VALUES (?, ?, 'F1', 'FILE', 'UNKNOWN', 'normal', 0, ?, ?, ?, 0, ?)",
        "fil_" + "1" * 32, client, state, AT, "box_" + "1" * 32, AT,
    )  # fmt: skip
    sql(planted.home, "INSERT INTO file_records VALUES (?, ?, ?, ?)", planted.record, "fil_" + "1" * 32, client, AT)


def columns(planted: Planted, table: str, **values: Any) -> None:
    """Insert a row whose other columns, where they must not be empty, hold something that does not matter."""
    person = sql(planted.home, "SELECT id FROM persons LIMIT 1")[0][0]
    client = sql(planted.home, "SELECT client FROM records WHERE id = ?", planted.record)[0][0]
    row = {"client": client}
    for _, name, kind, notnull, default, key in sql(planted.home, f"PRAGMA table_info({table})"):
        if name in values or not (notnull or key) or default is not None or name in row:
            continue
        row[name] = person if name in ("requester", "borrower") else 0 if kind in ("INTEGER", "BOOLEAN") else AT
    row |= values
    with closing(sqlite3.connect(planted.home / "catalogue.db")) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values())
        )


def on_loan(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "loans", id="lon_" + "1" * 32, file="fil_" + "1" * 32, state="open")


def box_on_loan(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "loans", id="lon_" + "1" * 32, box="box_" + "1" * 32, state="open")


def requested(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "requests", id="req_" + "1" * 32, file="fil_" + "1" * 32, state="queued", wants="paper")


def incident(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "incidents", id="evt_" + "1" * 32, file="fil_" + "1" * 32, kind="PAGES_SHORT", detail="{}")


def in_transit(planted: Planted) -> None:
    file_of(planted, "in_transit")


def in_work(planted: Planted) -> None:
    sql(planted.home, "UPDATE scans SET todo = 1 WHERE id = ?", planted.scan)


BLOCKED: dict[str, Callable[[Planted], None]] = {
    "on-loan": on_loan, "requested": requested, "incident": incident, "paper-away": in_transit, "in-work": in_work,
}  # fmt: skip


@pytest.mark.parametrize("code", [*BLOCKED, "on-loan with its box"])
def test_what_is_in_the_way_refuses_at_every_step(planted: Planted, run: Run, ana: Run, code: str) -> None:
    block = box_on_loan if code.endswith("box") else BLOCKED[code]
    code = code.split()[0]
    order = approved(run, ana, planted.record)
    block(planted)
    assert [one["code"] for one in due(run, planted.record)["obstacles"]] == ["listed", "no-rule", code]
    ran = run("disposal", "run", order, "--json")  # between approval and execution
    assert ran.code == 67 and code in ran.document["error"]["message"] and planted.record in ran.out
    run("disposal", "refuse", order, "--reason", "dispute")
    assert propose(run, planted.record).code == 67
    assert events(planted.home, "key_destroyed") == [] and run("record", "text", planted.record).code == 0


def due(run: Run, record: str) -> dict[str, Any]:
    rows = run("disposal", "due", "--all", "--json").document["records"]
    found = next(dict(row) for row in rows if row["record"] == record)
    found["obstacles"].sort(key=lambda one: (one["code"] not in ("listed", "no-rule"), one["code"]))
    return found


@pytest.mark.parametrize("kind", ["record", "batch", "client", "file", "box", "box by its barcode"])
def test_a_hold_on_anything_it_is_part_of_wins_over_the_law(planted: Planted, run: Run, ana: Run, kind: str) -> None:
    file_of(planted)
    batch = sql(planted.home, "SELECT batch FROM records WHERE id = ?", planted.record)[0][0]
    subject = {
        "record": planted.record, "batch": batch, "client": "default", "file": "fil_" + "1" * 32,
        "box": "box_" + "1" * 32, "box by its barcode": "B1",
    }[kind]  # fmt: skip
    order = approved(run, ana, planted.record)
    made = run("hold", "set", subject, "--reason", "legal: case 12", "--json").document["holds"][0]
    ran = run("disposal", "run", order, "--json")
    assert ran.code == 67 and "hold" in ran.document["error"]["message"]
    assert [one["about"] for one in due(run, planted.record)["obstacles"] if one["code"] == "hold"] == [made["hold"]]
    assert ana("hold", "release", made["hold"], "--reason", "legal: closed").code == 0
    assert run("disposal", "run", order, "--json").document["disposed"] == 1
    steps = run("custody", "check", "--json").document["steps"]
    wrong = {step["name"] for step in steps if step["outcome"] == "does not hold"}
    assert wrong == {"paper is where the ledger says"}  # this paper was put there without its events


def test_holds_stack(planted: Planted, run: Run, ana: Run) -> None:
    holds = [run("hold", "set", planted.record, "--reason", "legal", "--json").document["holds"][0]["hold"]
             for _ in range(2)]  # fmt: skip
    assert ana("hold", "release", holds[0], "--reason", "legal").code == 0
    assert propose(run, planted.record).code == 67
    assert ana("hold", "release", holds[0], "--reason", "legal", "--json").code == 15
    assert [one["hold"] for one in run("hold", "list", "--json").document["holds"]] == [holds[1]]
    ana("hold", "release", holds[1], "--reason", "legal")
    assert run("hold", "list", "--json").document["holds"] == []
    assert len(run("hold", "list", "--released", "--json").document["holds"]) == 2
    dispose(run, ana, planted.record)
    assert run("hold", "set", planted.record, "--reason", "legal", "--json").code == 24  # there is nothing to hold


def test_a_hold_set_while_it_is_carried_out_saves_what_is_left(
    planted: Planted, run: Run, ana: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = sorted(r["id"] for r in run("record", "list", "--json").document["records"])
    order = approved(run, ana, *others)
    from tasks import disposal_run

    real, held = disposal_run.dispose, []

    def then_somebody_holds(vault: Any, connection: Any, record: Any, sentence: Any) -> None:
        real(vault, connection, record, sentence)
        held.append(record.id)
        if len(held) == 1:
            monkeypatch.setattr(disposal_run, "lock_record", lambda c, r: hold_first(c, r))

    lock = disposal_run.lock_record

    def hold_first(connection: Any, record: str) -> Any:
        from custody.holds import set_hold
        from custody.opening import Act
        from tasks.services import SYSTEM

        row = lock(connection, record)
        if record == others[1]:
            set_hold(vault_of(connection), connection, record, row.client, Act("hold_set", SYSTEM, "legal"))
        return row

    from infra.services import open_services

    opened = open_services()

    def vault_of(_connection: Any) -> Any:
        return opened.vault

    monkeypatch.setattr(disposal_run, "dispose", then_somebody_holds)
    answer = run("disposal", "run", order, "--json")
    opened.close()
    assert answer.code == 3 and (answer.document["disposed"], answer.document["dropped"]) == (len(others) - 1, 1)
    assert {line["record"]: line["state"] for line in answer.document["records"]} == {
        record: "dropped" if record == others[1] else "disposed" for record in others
    }
    assert run("record", "show", others[1]).code == 0
    assert events(planted.home, "disposal_refused")[-1]["reason"] == "hold"
    assert run("custody", "check").code == 0


# --- retention


def test_retention_counts_unless_a_law_or_the_client_says_otherwise(planted: Planted, run: Run, ana: Run) -> None:
    assert due(run, planted.record)["obstacles"][0]["code"] == "no-rule"
    assert propose(run, planted.record, basis="retention").code == 67
    line = (
        "retention",
        "set",
        "generic-6y",
        "--class",
        "generic",
        "--period",
        "P6Y",
        "--authority",
        "CCom 30",
        "--json",
    )
    rule = run(*line).document
    assert (rule["class"], rule["period"], rule["from"], rule["client"]) == ("generic", "P6Y", "accession", None)
    found = due(run, planted.record)
    assert found["rule"] == "generic-6y" and found["obstacles"][0]["code"] == "not-due"
    assert propose(run, planted.record, basis="retention").code == 67
    assert run("disposal", "due", "--json").document["records"] == []
    run("retention", "set", "all", "--for-ever", "--authority", "archive")
    assert [one["obstacles"][0]["code"] for one in run("disposal", "due", "--all", "--class", "letter", "--json")
            .document["records"]] == ["permanent"]  # fmt: skip
    dispose(run, ana, planted.record)  # by law
    changed = events(planted.home, "config_changed")[0]
    assert changed["obj"]["rule"] == "generic-6y" and changed["reason"] == "retention"


def test_what_is_due_is_proposed_at_once(planted: Planted, run: Run, ana: Run) -> None:
    run(
        "retention",
        "set",
        "dated",
        "--class",
        "generic",
        "--period",
        "P1Y",
        "--from",
        "record-date",
        "--authority",
        "x",
    )
    run("review", "correct", planted.record, "--set", "date=2020-05-04")
    found = due(run, planted.record)
    assert found["due"] == "2021-05-05" and found["obstacles"] == []
    listed = run("disposal", "due", "--json").document["records"]
    assert [row["record"] for row in listed] == [planted.record]
    order = run("disposal", "propose", "--due", "--reason", "legal", "--json").document
    assert order["basis"] == "retention" and order["records"] == [
        {"record": planted.record, "state": "listed", "rule": "dated", "due": "2021-05-05"}
    ]
    assert ana("disposal", "approve", order["order"], "--reason", "audit").code == 0
    # the date is put right meanwhile: it is not due any more
    run("review", "correct", planted.record, "--set", "date=2026-05-04")
    assert run("disposal", "run", order["order"], "--json").code == 67


def test_a_date_that_is_not_sure_starts_no_period(planted: Planted, run: Run) -> None:
    run(
        "retention",
        "set",
        "dated",
        "--class",
        "generic",
        "--period",
        "P1Y",
        "--from",
        "record-date",
        "--authority",
        "x",
    )
    run("review", "correct", planted.record, "--set", "date=2020-05-04")
    sql(planted.home, "UPDATE fields SET status = 'review' WHERE record = ? AND name = 'date'", planted.record)
    assert due(run, planted.record)["obstacles"][0]["code"] == "not-due"


@pytest.mark.parametrize(
    "line",
    [["x", "--authority", "a"], ["x", "--period", "P6Y", "--for-ever", "--authority", "a"],
     ["x", "--period", "6 years", "--authority", "a"], ["X Y", "--period", "P6Y", "--authority", "a"],
     ["x", "--period", "P6Y", "--class", "invioce", "--authority", "a"], ["x", "--period", "P6Y"]],
)  # fmt: skip
def test_a_rule_in_another_form_is_refused(home: Path, run: Run, line: list[str]) -> None:
    assert run("retention", "set", *line, "--json").code == 15
    assert run("retention", "list", "--json").document == {"rules": []}


def test_one_rule_for_one_scope(home: Path, run: Run) -> None:
    base = ("retention", "set")
    assert run(*base, "a", "--period", "P6Y", "--authority", "x").code == 0
    assert run(*base, "b", "--period", "P7Y", "--authority", "x", "--json").code == 15
    assert run(*base, "a", "--period", "P7Y", "--authority", "x").code == 0  # the same name: put in its place
    assert run(*base, "b", "--period", "P7Y", "--client", "default", "--authority", "x").code == 0
    rules = run("retention", "list", "--json").document["rules"]
    assert [(one["rule"], one["period"], one["client"]) for one in rules] == [
        ("a", "P7Y", None),
        ("b", "P7Y", "default"),
    ]


# --- what is said of it afterwards


def test_the_certificate_says_what_was_destroyed_by_whom_and_what_is_left(
    planted: Planted, run: Run, ana: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("original", "open", planted.original, "--reason", "request", "--to", tmp_path / "out")
    run("keys", "release", planted.original, "--reason", "legal", "--to", tmp_path / "key")
    order = dispose(run, ana, planted.record)["order"]
    monkeypatch.setenv("MUNIMENT_BACKUP_DAYS", "30")
    shown = run("disposal", "show", order, "--certificate", tmp_path / "certificate.json", "--json").document
    paper = json.loads((tmp_path / "certificate.json").read_text())
    assert paper == shown["certificate"] and (tmp_path / "certificate.json").stat().st_mode & 0o777 == 0o600
    assert paper["certificate"] == order and paper["client"]["name"] == "default"
    assert paper["approved"]["by"]["name"] == "Ana" != paper["proposed"]["by"]["name"]
    assert paper["authority"] == {"basis": "law", "reason": "legal"}
    assert [copy["type"] for copy in paper["copies"]] == ["exported", "key_released"]
    (record,) = paper["records"]
    assert record["record"] == planted.record and record["originals"][0]["original"] == planted.original
    by_seq = {event["seq"]: event for event in events(planted.home)}
    assert by_seq[record["disposed"]]["type"] == "disposed"
    assert by_seq[record["originals"][0]["key_destroyed"]["event"]]["subject"] == planted.original
    assert record["originals"][0]["object_removed"] and paper["not_destroyed"] == []
    assert paper["ledger_before"]["size"] > by_seq[paper["approved"]["event"]]["seq"]
    assert paper["clear_text_in_backups_until"] > paper["carried_out"]["ended"][:10]
    assert TEXT not in json.dumps(paper) and NAME not in json.dumps(paper)


def test_a_database_that_is_behind_the_published_ledger_destroys_nothing(
    planted: Planted, run: Run, ana: Run, tmp_path: Path
) -> None:
    order = approved(run, ana, planted.record)
    sql(planted.home, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(planted.home / "catalogue.db", tmp_path / "backup.db")
    run("record", "show", planted.record)
    assert run("ledger", "publish").code == 0
    shutil.copy(tmp_path / "backup.db", planted.home / "catalogue.db")  # a backup from before is restored
    answer = run("disposal", "run", order, "--json")
    assert answer.document["error"]["code"] == "ledger-fork"
    assert events(planted.home, "key_destroyed") == [] and run("search", TEXT, "--json").document["total"] == 1


def test_a_disposal_waits_for_the_witnesses_that_the_policy_asks_for(
    planted: Planted, run: Run, ana: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = approved(run, ana, planted.record)
    run("ledger", "publish")
    vkey = Path(run("ledger", "path", "--json").document["vkey"]).read_text().strip()
    witness = make_signing_key("witness.example/officer", COSIGNATURE_ED25519, b"w" * 32).key
    (tmp_path / "policy").write_text(f"log {vkey}\nwitness officer {witness.vkey}\nquorum officer\n")
    monkeypatch.setenv("MUNIMENT_LEDGER_POLICY", str(tmp_path / "policy"))
    monkeypatch.setenv("MUNIMENT_WITNESS_SECONDS", "0")
    for _ in range(2):
        assert run("disposal", "run", order, "--json").document["error"]["code"] == "authority-unavailable"
        run("ingest", planted.home / "nothing")  # the sweeper leaves alone what has not destroyed anything yet
        assert events(planted.home, "key_destroyed") == [] and run("record", "show", planted.record).code == 0
    assert run("disposal", "refuse", order, "--reason", "dispute").code == 0  # it may still be taken back
    order = approved(run, ana, planted.record)
    monkeypatch.delenv("MUNIMENT_LEDGER_POLICY")
    assert run("disposal", "run", order, "--json").document["disposed"] == 1


def test_an_erasure_is_effective_when_every_epoch_is_beyond_recovery(
    planted: Planted, run: Run, ana: Run, tmp_path: Path
) -> None:
    run("keys", "rotate")
    run("original", "envelope", planted.original, "--reason", "request", "--to", tmp_path / "out")
    run("keys", "rotate")
    dispose(run, ana, planted.record)
    run("keys", "rotate")
    epochs = [one["id"] for one in run("keys", "list", "--json").document["keys"]]
    wrapped, out = epochs[:3], planted.home
    assert len(epochs) == 4

    def effective() -> list[dict[str, Any]]:
        run("ingest", planted.home / "nothing")  # whatever sweeps
        return events(out, "erasure_effective")

    for key in wrapped[:2]:
        run("keys", "destroy", key, "--reason", "audit", "--now")
    assert effective() == []  # the third epoch wrapped it too
    share = next((planted.home / "escrow" / wrapped[2]).glob("share-1.txt"))
    share.unlink()  # with a custodian
    (planted.home / "escrow" / wrapped[2] / "share-2.txt").unlink()
    run("keys", "destroy", wrapped[2], "--reason", "audit", "--now")
    assert effective() == []  # two shares are somewhere
    run("keys", "escrow", "--key", wrapped[2], "--destroyed", "2")
    (event,) = effective()
    assert event["subject"] == planted.original and event["reason"] == "epochs"
    assert event["obj"] == {"epochs": sorted(wrapped), "copies": {"envelope_released": 1}}
    released = events(out, "envelope_released")[0]["id"]
    assert event["refs"] == [released]
    assert effective() == [event] and run("custody", "check").code == 0


def test_an_erasure_is_effective_when_the_last_backup_is_gone(
    planted: Planted, run: Run, ana: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_BACKUP_DAYS", "30")
    dispose(run, ana, planted.record)
    assert events(planted.home, "erasure_effective") == []
    sql(planted.home, "UPDATE key_wrappings SET until = '2026-01-01T00:00:00.000Z' WHERE until IS NOT NULL")
    run("ingest", planted.home / "nothing")
    (event,) = events(planted.home, "erasure_effective")
    assert event["reason"] == "backups" and event["obj"]["copies"] == {}
