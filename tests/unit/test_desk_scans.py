"""What arrives at the desk: ends of scans, kinds of scans, garbage; commands by barcode and by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.i18n import translations
from records.barcodes import INPUT_LIMIT, Barcode, Kind, make_code
from records.desk import CONDITIONS
from records.desk_commands import CONDITION_COMMANDS, MEANINGS, NUMBERS, Command, command_code
from tasks.desk_scans import TOO_LONG, CommandWords, Scan, split_scans, tell_apart

WORDS = CommandWords(translations("es").gettext)
FILE = make_code(Kind.FILE, 4711)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\t", "\x00", "\r\n\r\n", "\t\n"])
def test_a_scan_ends_however_the_scanner_ends_it(end: str) -> None:
    codes = [make_code(Kind.FILE, n) for n in range(1, 6)]
    stream = "".join(code + end for code in codes).encode()
    assert list(split_scans([stream])) == codes
    assert list(split_scans(stream[n : n + 1] for n in range(len(stream)))) == codes


def test_the_last_scan_counts_without_an_end_and_empty_ones_do_not() -> None:
    assert list(split_scans([b"\n\n  \n", FILE.encode()])) == [FILE]
    assert list(split_scans([])) == [] and list(split_scans([b"", b"\n"])) == []


def test_what_is_longer_than_any_code_is_dropped_to_its_end_and_answered_once() -> None:
    stream = [b"x" * 700, b"y" * 700, b"z" * 5_000_000, b"\n", FILE.encode() + b"\n"]
    assert list(split_scans(stream)) == [TOO_LONG, FILE]
    assert list(split_scans([b"x" * (INPUT_LIMIT + 1) + b"\n" + FILE.encode()])) == [TOO_LONG, FILE]
    assert list(split_scans([b"x" * 5000])) == [TOO_LONG]


def test_bytes_that_are_no_text_are_one_scan_of_their_own() -> None:
    first, second = split_scans([b"\xff\xfe\x80F00\n", FILE.encode() + b"\r"])
    assert second == FILE and tell_apart(first, WORDS).code is None
    # a letter cut in two by the end of a chunk is whole again
    assert list(split_scans(["Peñ".encode()[:3], "Peñ".encode()[3:] + b"a\n"])) == ["Peña"]


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_any_bytes_in_any_pieces_give_the_same_scans(pieces: list[bytes]) -> None:
    whole = list(split_scans([b"".join(pieces)]))
    assert list(split_scans(pieces)) == whole
    for raw in whole:
        scan = tell_apart(raw, WORDS)
        set_fields = [scan.code, scan.command, scan.number, scan.wrong]
        assert sum(one is not None for one in set_fields) <= 1


@pytest.mark.parametrize(
    ("raw", "scan"),
    [
        (FILE, Scan(FILE, code=Barcode(Kind.FILE, 4711))),
        (FILE.lower(), Scan(FILE.lower(), code=Barcode(Kind.FILE, 4711))),
        (command_code(Command.LEND), Scan(command_code(Command.LEND), command=Command.LEND)),
        ("lend", Scan("lend", command=Command.LEND)),
        (" PRESTAR ", Scan("PRESTAR", command=Command.LEND)),
        ("Sí", Scan("Sí", command=Command.YES)),
        ("212", Scan("212", number=212)),
        ("0", Scan("0", number=0)),
        ("123456", Scan("123456")),
        ("٢١٢", Scan("٢١٢")),
        (FILE[:-1], Scan(FILE[:-1], wrong="wrong-length")),
        (FILE[:-1] + str((int(FILE[-1]) + 1) % 10), None),
        (FILE + FILE, Scan(FILE + FILE, wrong="run-on")),
        (make_code(Kind.COMMAND, 999), Scan(make_code(Kind.COMMAND, 999), wrong="unknown-command")),
        ("CLIENTE-0031", Scan("CLIENTE-0031")),
        ("Ana Ñúñez", Scan("Ana Ñúñez")),
    ],
)
def test_what_a_scan_is(raw: str, scan: Scan | None) -> None:
    found = tell_apart(raw, WORDS)
    assert found == scan if scan is not None else found.wrong == "check-digits"


def test_every_command_has_one_number_a_meaning_and_a_word_of_its_own_in_both_languages() -> None:
    assert set(NUMBERS.values()) == set(MEANINGS) == set(Command) and len(NUMBERS) == len(Command)
    assert {command.value for command in CONDITION_COMMANDS} == set(CONDITIONS)
    spanish = {translations("es").gettext(f"command: {command}") for command in Command}
    assert len(spanish) == len(Command)
    for command in Command:
        assert tell_apart(command_code(command), WORDS).command is command
        assert tell_apart(translations("es").gettext(f"command: {command}"), WORDS).command is command


# cards with these barcodes are printed and laminated: a number that changes its meaning lends where somebody returns
def test_the_numbers_of_commands_stay_what_they_are() -> None:
    printed = {
        1: "lend", 2: "return", 3: "check", 4: "check-ok", 5: "short", 6: "refile", 7: "move", 8: "stage", 9: "found",
        10: "missing", 11: "undo", 12: "end", 13: "yes", 14: "no", 15: "pick", 16: "not-found", 17: "recharge",
        18: "inventory", 19: "transfer", 20: "find", 21: "renew", 22: "receive", 31: "good", 32: "worn",
        33: "damaged", 34: "wet", 35: "incomplete",
    }  # fmt: skip
    assert {number: command.value for number, command in NUMBERS.items()} == printed
