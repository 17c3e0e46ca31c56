"""Signed notes and receipts: what is signed holds, what is changed in any byte does not."""

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from custody.merkle import root_of
from custody.notes import FileSigner, NoteKey, parse_vkey, verify
from custody.opening import merkle_root
from records.errors import ConfigurationError, NoteError

TEXT = "muniment receipt v1\nbatch bat_1\n\nafter an empty line\n"


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return FileSigner(tmp_path / "receipts.key", "muniment.test/receipts")


def test_a_note_holds_and_its_key_is_one_line(signer: FileSigner) -> None:
    assert verify(signer.sign(TEXT).encode(), parse_vkey(signer.key.vkey)) == TEXT
    assert signer.sign(TEXT) == signer.sign(TEXT)  # Ed25519 is deterministic


def test_every_changed_byte_is_refused(signer: FileSigner) -> None:
    note = signer.sign(TEXT).encode()
    for place in range(len(note)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(note)
            changed[place] ^= bit
            with pytest.raises(NoteError):
                verify(bytes(changed), signer.key)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note[:-1],
        lambda note: note + b"\n",
        lambda note: note.replace(b"\n", b"\r\n"),
        lambda note: note.rpartition(b"\n\n")[0],
        lambda note: b"",
        lambda note: note[:-1] + b"\x0b",
        lambda note: note.replace(b"==\n", b"\n").replace(b"=\n", b"\n"),
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(signer: FileSigner, change: object) -> None:
    with pytest.raises(NoteError):
        verify(change(signer.sign(TEXT).encode()), signer.key)  # type: ignore[operator]


def test_padding_bits_that_are_not_zero_are_refused() -> None:
    with pytest.raises(NoteError):
        parse_vkey("x+00000000+AR==")


def test_another_key_is_ignored_and_none_at_all_is_an_error(signer: FileSigner, tmp_path: Path) -> None:
    other = FileSigner(tmp_path / "other.key", "other.test/receipts")
    both = signer.sign(TEXT) + other.sign(TEXT).rpartition("\n\n")[2]
    assert verify(both.encode(), signer.key) == verify(both.encode(), other.key) == TEXT
    with pytest.raises(NoteError, match="not signed"):
        verify(signer.sign(TEXT).encode(), other.key)


def test_the_example_key_of_the_specification_is_read() -> None:
    raw = bytes(range(32))
    key = NoteKey("example.com/foo", raw)
    assert parse_vkey(key.vkey) == key
    assert base64.b64decode(key.vkey.split("+", 2)[2]) == b"\x01" + raw


def test_the_key_file_is_its_owners_alone(signer: FileSigner, tmp_path: Path) -> None:
    signer.sign(TEXT)
    assert (tmp_path / "receipts.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "receipts.key").chmod(0o640)
    with pytest.raises(ConfigurationError):
        signer.sign(TEXT)


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_the_streamed_root_is_the_recursive_one(leaves: list[bytes]) -> None:
    import hashlib

    def recursive(part: list[bytes]) -> bytes:
        if not part:
            return hashlib.sha256(b"").digest()
        if len(part) == 1:
            return hashlib.sha256(b"\x00" + part[0]).digest()
        split = 1 << ((len(part) - 1).bit_length() - 1)
        return hashlib.sha256(b"\x01" + recursive(part[:split]) + recursive(part[split:])).digest()

    assert merkle_root(leaves) == recursive(leaves).hex()
    assert root_of(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves) == recursive(leaves)


def test_a_batch_has_a_receipt_that_binds_the_ledger(muniment: Any, tmp_path: Path) -> None:
    Image.new("1", (600, 300), 1).save(tmp_path / "a.tif", dpi=(300, 300))
    taken = muniment("ingest", tmp_path / "a.tif")
    answer = muniment("batch", "receipt", taken["batch"], "--to", tmp_path / "receipt")
    lines = verify((tmp_path / "receipt").read_bytes(), parse_vkey(answer["vkey"])).splitlines()
    assert lines[:2] == ["muniment receipt v1", f"batch {taken['batch']}"]
    assert lines[3].startswith("ledger ") and lines[-1].startswith("offered 1 accessioned 1 ")
    scan = taken["scans"][0]
    assert lines[4].startswith(f"scan {scan['scan']} original {scan['original']} size ")
    assert scan["sha256"] not in "".join(lines)  # the digest of clear bytes stays at home
