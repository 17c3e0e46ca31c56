"""The records desk through the real command, on the embedded default and on the real servers alike."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from PIL import Image, ImageDraw, ImageFont
from running import Muniment, embedded, servers

READY, MAILED = 120.0, 60.0  # seconds
TODAY, TOMORROW = date.today(), date.today() + timedelta(days=1)  # noqa: DTZ011  the command's clock is the real one


@pytest.fixture(scope="module", params=["embedded", pytest.param("servers", marks=pytest.mark.service)])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Muniment:
    """An installation whose site is open every day, with a shelf and two borrowers."""
    home = tmp_path_factory.mktemp("desk") / "home"
    made = servers(home, search="tantivy") if request.param == "servers" else embedded(home)
    for code in ("S-01", "S-02"):
        made("place", "add", code, "--capacity", "50")
    made("place", "calendar", "--remove", "sat", "--remove", "sun")
    for name in ("Ana", "Luis"):
        made("person", "add", name)
        made("person", "accredit", name, "--role", "reader")
    made("person", "contact", "Ana", "--email", "ana@example.org", "--language", "en")
    return made


def file(run: Muniment, at: str = "S-01", pages: int = 10) -> str:
    """Take a file over and put it on its shelf; return its barcode."""
    code: str = run("file", "receive", "--title", "A file", "--pages", str(pages))["barcode"]
    assert run("file", "locate", code, "--at", at)["answer"] == "done"
    return code


def lend(run: Muniment, code: str, to: str = "Ana", *more: str, expect: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = run("file", "lend", code, "--to", to, "--purpose", "audit", *more, expect=expect)
    return answer


def test_a_request_is_picked_lent_handed_on_and_comes_back_short(run: Muniment) -> None:
    code = file(run, pages=212)
    asked = run("request", "add", code, "--by", "Ana", "--purpose", "legal: summons")["request"]["id"]
    assert run("request", "decide", asked, "--authorise")["request"]["state"] == "queued"
    assert run("file", "pick", code)["state"] == "picked"
    assert lend(run, code, "Luis", expect=3)["code"] == "queue"
    lent = lend(run, code)
    assert (lent["answer"], lent["holder"]) == ("done", "Ana") and lent["loan"].startswith("lon_")
    assert [row["state"] for row in run("request", "list", "--state", "filled")["requests"]] == ["filled"]
    assert run("file", "recharge", code, "--to", "Luis", expect=3)["code"] == "seen-at-holder"
    handed = run("file", "recharge", code, "--to", "Luis", "--answer", "seen-at-holder")
    assert handed["holder"] == "Luis" and handed["loan"] != lent["loan"]
    assert run("file", "return", code)["answer"] in ("done", "alert")
    short = run("file", "check", code, "--pages", "211")
    assert (short["code"], short["state"]) == ("pages-short", "quarantine")
    assert lend(run, code, expect=2)["code"] == "in-quarantine"
    kinds = [row["type"] for row in run("file", "history", code)["history"]]
    assert kinds == ["received", "refiled", "picked", "lent", "recharged", "returned", "checked"]


def test_of_two_clerks_at_once_one_lends_and_the_other_is_told_who_has_it(run: Muniment) -> None:
    code = file(run)
    both = [
        run.start("file", "lend", code, "--to", name, "--purpose", "audit", "--json") for name in ("Ana", "Luis")
    ]  # fmt: skip
    answers = [(json.loads(child.communicate(timeout=120)[0]), child.returncode) for child in both]
    (won, _), (lost, code_lost) = sorted(answers, key=lambda one: one[1])
    assert won["answer"] == "done" and (lost["code"], code_lost) == ("already-lent", 2)
    assert run("file", "find", code)["holder"] in lost["message"]
    assert len([row for row in run("loan", "list")["loans"] if row["barcode"] == code]) == 1


def test_a_box_is_lent_whole_and_comes_back_in_part(run: Muniment) -> None:
    box = run("box", "add", "--at", "S-02")["barcode"]
    codes = [file(run, box) for _ in range(4)]
    lent = lend(run, box, "Luis")
    assert len(lent["events"]) == 5
    out = {row["barcode"]: row["due"] for row in run("loan", "list", "--borrower", "Luis")["loans"]}
    assert {out[code] for code in codes} == {lent["due"]}
    for code in codes[:3]:
        run("file", "return", code, "--pages", "10")
    rows = {row["barcode"]: row for row in run("loan", "list", "--borrower", "Luis", "--all")["loans"]}
    assert {rows[code]["slip_state"] for code in codes} == {"returned_incomplete"}
    left = {row["barcode"]: row["due"] for row in run("loan", "list", "--borrower", "Luis")["loans"]}
    assert left[codes[3]] == lent["due"] and not left.keys() & set(codes[:3])
    assert run("file", "return", box, expect=3)["code"] == "box-contents"
    assert run("file", "return", box, "--answer", "box-contents")["answer"] != "blocked"
    assert run("file", "find", codes[3])["state"] == "returned"


def test_a_shelf_is_counted(run: Muniment) -> None:
    run("place", "add", "S-03")
    here, absent, lent = (file(run, "S-03") for _ in range(3))
    lend(run, lent, "Luis")
    elsewhere = file(run)
    found = run("place", "inventory", "S-03", here, lent, elsewhere, "X-9", expect=None)["outcomes"]
    assert found["here"] == [here] and found["on_loan"] == [lent] and found["elsewhere"] == [elsewhere]
    assert found["absent"] == [absent] and found["unknown"] == ["X-9"]
    assert [row["file"] for row in run("report", "phantom")["rows"]] == [lent]


def test_a_scan_is_made_instead_of_a_loan_and_paper_and_image_are_one_timeline(run: Muniment, tmp_path: Path) -> None:
    code = file(run, pages=2)
    before = len(run("loan", "list", "--all")["loans"])
    asked = run("request", "add", code, "--by", "Luis", "--purpose", "legal", "--wants", "scan")["request"]["id"]
    run("request", "decide", asked, "--authorise")
    assert "request fill" in run("file", "pick", code)["next"]
    run("file", "locate", code, "--at", "MAIN/SCAN")
    sheet = Image.new("L", (900, 300), 255)
    ImageDraw.Draw(sheet).text((60, 100), "Acta de entrega", font=ImageFont.load_default(48), fill=0)
    sheet.save(tmp_path / "acta.tif", dpi=(300, 300))
    (scan,) = run("ingest", tmp_path / "acta.tif")["scans"]
    assert run("request", "fill", asked, "--scan", scan["scan"])["request"]["state"] == "converted"
    assert run("file", "receive", code, "--record", scan["records"][0])["code"] == "bound"
    differs = run("file", "check", code, "--pages", "2")  # two were counted, one was scanned
    assert [note["code"] for note in differs["notes"]] == ["scan-differs"]
    assert run("file", "refile", code)["location"] == "MAIN/S-01"
    assert len(run("loan", "list", "--all")["loans"]) == before
    kinds = [event["type"] for event in run("record", "timeline", scan["records"][0])["events"]]
    assert {"picked", "bound", "refiled"} < set(kinds) and {"sealed", "stored", "read"} < set(kinds)
    assert kinds.index("received") < kinds.index("picked") < kinds.index("sealed") < kinds.index("bound")


def test_a_client_takes_papers_back_for_good_when_two_persons_say_so(run: Muniment, tmp_path: Path) -> None:
    box = run("box", "add", "--at", "S-01")["barcode"]
    inside, alone = file(run, box), file(run)
    luz = {"MUNIMENT_TOKEN": run("person", "add", "Luz")["token"]}
    run("person", "accredit", "Luz", "--role", "archivist")
    made = run("transfer", "add", box, alone, "--kind", "PERM_WITHDRAWAL", "--reason", "request: carta de mayo")
    code = made["transfer"]["barcode"]
    assert [line["barcode"] for line in made["transfer"]["lines"]] == [box, inside, alone]
    assert run("transfer", "approve", code, "--reason", "request", expect=2)["code"] == "withdrawal-own"
    assert run("transfer", "hand-over", code, "--to", "Ana", expect=2)["code"] == "withdrawal-not-approved"
    run("--as", "Luz", "transfer", "approve", code, "--reason", "request: carta de mayo", **luz)
    printed = tmp_path / "list.pdf"
    assert run("print", "transfer", code, "--to", printed)["count"] == 3 and printed.read_bytes()[:5] == b"%PDF-"
    gone = run("transfer", "hand-over", code, "--to", "Ana")
    assert (gone["code"], gone["transfer"]["state"]) == ("withdrawal-done", "sent")
    assert [run("file", "find", one)["state"] for one in (inside, alone)] == ["withdrawn"] * 2
    assert lend(run, alone, expect=2)["answer"] == "blocked"
    kinds = [row["type"] for row in run("file", "history", alone)["history"]]
    assert kinds == ["received", "refiled", "withdrawal_proposed", "withdrawal_approved", "withdrawn"]


class Mailbox:
    """Keeps what a real mail server took."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, dict[str, str]]]:
    held = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(held, hostname="127.0.0.1", port=port)
    server.start()
    yield held, {
        "MUNIMENT_SMTP_HOST": "127.0.0.1", "MUNIMENT_SMTP_PORT": str(port), "MUNIMENT_SMTP_TLS": "none",
        "MUNIMENT_SMTP_FROM": "archive@example.org",
    }  # fmt: skip
    server.stop()


@pytest.mark.flow
def test_notices_go_out_while_it_is_up(run: Muniment, mailbox: tuple[Mailbox, dict[str, str]]) -> None:
    held, settings = mailbox
    due, back, kept = (file(run) for _ in range(3))
    lend(run, due, "Ana", "--due", TOMORROW.isoformat())
    lend(run, back, "Ana", "--due", (TODAY + timedelta(days=30)).isoformat())
    run("file", "recall", back)
    asked = run("request", "add", kept, "--by", "Ana", "--purpose", "audit")["request"]["id"]
    run("request", "decide", asked, "--authorise")
    run("file", "pick", kept)
    run("file", "ready", kept)
    up = run.start("up", "--json", "--no-web", **settings)
    try:
        assert json.loads(up.stdout.readline())["ready"] is True  # type: ignore[union-attr]  # PIPE was asked for
        deadline = time.monotonic() + MAILED
        while len(held.messages) < 5 and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        up.terminate()
        try:
            end = up.communicate(timeout=READY)
        except subprocess.TimeoutExpired:
            up.kill()
            end = up.communicate()
    said = [message_from_bytes(one, policy=policy.default) for one in held.messages]
    told = {str(one["Subject"]): str(one.get_content()) for one in said}
    assert due in told["A paper is due soon"] and back in told["A paper is asked back"], end
    assert kept in told["A paper is ready for you"] and kept in told["Your request was granted"]
    receipt = next(said for subject, said in told.items() if "lent to you" in subject)
    assert due in receipt and back in receipt
    sent = [row for row in run("notice", "list")["notices"] if row["person"] == "Ana" and row["kind"] != "lent"]
    assert sorted((row["kind"], row["result"]) for row in sent) == [
        ("authorised", "sent"), ("due-soon", "sent"), ("ready", "sent"), ("recall", "sent"),
    ]  # fmt: skip
    assert run("notice", "run", **settings) == {"expired": 0, "planned": 0, "sent": 0, "refused": 0, "later": 0}


def test_the_ledger_holds_after_all_of_it(run: Muniment, tmp_path: Path) -> None:
    assert run("custody", "check")["verdict"] == "holds"
    run("ledger", "publish")
    report = run("verify", "ledger")
    assert report["verdict"] == "holds" and report["checked"]["entries"] > 0
