"""What a key ring must do, whatever its scheme and whether a passphrase protects it."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.key_rings import RING_FOR_SCHEME, open_key_ring
from custody.keys import KeyRing, VaultKey, new_document_key, open_envelope, recover_escrow, wrap
from records.errors import ConfigurationError, EnvelopeError

Opened = Callable[[], KeyRing]
PASSPHRASE = "correct horse"


@pytest.fixture(params=["file"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Open the same ring, as a process would that starts anew."""
    secret = PASSPHRASE if "passphrase" in request.param else None  # it costs a second a file, by design
    return lambda: open_key_ring((tmp_path / "k y").as_uri(), tmp_path / "escrow", secret)


def made(ring: KeyRing, name: str) -> VaultKey:
    return VaultKey(name, "cli_1", 1, *ring.create(name))


@pytest.mark.parametrize("reopen", ["file", "file with a passphrase"], indirect=True)
def test_what_was_wrapped_opens_after_a_restart(reopen: Opened) -> None:
    key = new_document_key()
    envelope = wrap(key, made(reopen(), "key_1"))
    again = reopen()
    assert again.holds("key_1") and again.unwrap(envelope, "key_1") == key


def test_making_a_key_again_gives_the_same(reopen: Opened) -> None:
    first = reopen().create("key_1")
    assert reopen().create("key_1") == first


def test_two_shares_open_what_the_vault_key_opens(reopen: Opened, tmp_path: Path) -> None:
    ring, key = reopen(), new_document_key()
    envelope = wrap(key, made(ring, "key_1"))
    assert ring.shares_here("key_1") == (1, 2, 3)
    shares = [(tmp_path / "escrow/key_1" / f"share-{n}.txt").read_text().strip() for n in (2, 3)]
    assert open_envelope(envelope, recover_escrow(shares)) == key
    (tmp_path / "escrow/key_1/share-2.txt").unlink()
    assert ring.shares_here("key_1") == (1, 3)


def test_a_key_that_is_not_here_opens_nothing(reopen: Opened) -> None:
    ring = reopen()
    envelope = wrap(new_document_key(), made(ring, "key_1"))
    made(ring, "key_2")
    assert not ring.holds("key_3")
    for name, said in (("key_2", "does not open"), ("key_3", "does not hold")):
        with pytest.raises(EnvelopeError, match=said):
            ring.unwrap(envelope, name)


@pytest.mark.parametrize("reopen", ["file", "file with a passphrase"], indirect=True)
def test_what_is_destroyed_is_gone_for_ever_and_again_is_no_error(reopen: Opened, tmp_path: Path) -> None:
    ring = reopen()
    envelope = wrap(new_document_key(), made(ring, "key_1"))
    made(ring, "key_2")
    ring.unwrap(envelope, "key_1")
    secrets = [path.read_bytes() for path in tmp_path.rglob("*key_1*") if path.is_file()]
    for _ in range(2):
        ring.destroy("key_1")
        assert not ring.holds("key_1") and ring.shares_here("key_1") == ()
    assert ring.holds("key_2")
    with pytest.raises(EnvelopeError):
        ring.unwrap(envelope, "key_1")
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secrets and all(secret not in left for secret in secrets)


def test_a_destroyed_file_is_overwritten_before_it_is_removed(reopen: Opened, tmp_path: Path) -> None:
    ring = reopen()
    made(ring, "key_1")
    path = next((tmp_path / "k y").iterdir())
    before = path.read_bytes()
    os.link(path, tmp_path / "the same blocks")
    ring.destroy("key_1")
    after = (tmp_path / "the same blocks").read_bytes()
    assert len(after) == len(before) and before[:20] != after[:20] and before[-40:] != after[-40:]


def test_the_place_of_a_key_says_nothing_secret(reopen: Opened, tmp_path: Path) -> None:
    ring = reopen()
    made(ring, "key_1")
    assert "key_1" in ring.place("key_1") and str(tmp_path) not in ring.place("key_1")


# --- addresses, passphrases, Debian's age


@pytest.mark.parametrize("address", ["pkcs11:token=x", "keys", "", "vault:transit/x"])
def test_a_scheme_that_there_is_not_is_refused_with_those_there_are(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are: file:"):
        open_key_ring(address, tmp_path)
    assert list(RING_FOR_SCHEME) == ["file"]


@pytest.mark.parametrize("address", ["file:keys", "file://host/keys", "file:/keys?x=1", "file:"])
def test_an_address_in_another_form_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ABSOLUTE"):
        open_key_ring(address, tmp_path)


def test_a_key_file_does_not_open_without_its_passphrase(tmp_path: Path) -> None:
    address = (tmp_path / "keys").as_uri()
    envelope = wrap(new_document_key(), made(open_key_ring(address, tmp_path / "e", PASSPHRASE), "key_1"))
    assert b"AGE-SECRET-KEY" not in (tmp_path / "keys/key_1.agekey").read_bytes()
    for secret, said in ((None, "set key_passphrase"), ("wrong", "does not open with the passphrase")):
        with pytest.raises(ConfigurationError, match=said):
            open_key_ring(address, tmp_path / "e", secret).unwrap(envelope, "key_1")


def test_files_from_before_the_passphrase_go_on_opening(tmp_path: Path) -> None:
    address, key = (tmp_path / "keys").as_uri(), new_document_key()
    envelope = wrap(key, made(open_key_ring(address, tmp_path / "e"), "key_1"))
    assert open_key_ring(address, tmp_path / "e", PASSPHRASE).unwrap(envelope, "key_1") == key


def test_a_passphrase_is_asked_once_a_process_not_once_an_envelope(tmp_path: Path) -> None:
    ring, key = open_key_ring((tmp_path / "keys").as_uri(), tmp_path / "e", PASSPHRASE), new_document_key()
    envelope = wrap(key, made(ring, "key_1"))
    ring.unwrap(envelope, "key_1")
    began = time.process_time()
    for _ in range(100):
        ring.unwrap(envelope, "key_1")
    assert time.process_time() - began < 0.5  # one derivation alone takes about a second, by design


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"AGE-SECRET-KEY-1NOT\n", b"\xff\xfe"])
def test_a_file_that_holds_no_identity_is_named(tmp_path: Path, content: bytes) -> None:
    ring = open_key_ring((tmp_path / "keys").as_uri(), tmp_path / "e")
    envelope = wrap(new_document_key(), made(ring, "key_1"))
    (tmp_path / "keys/key_1.agekey").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"key_1\.agekey holds no age identity"):
        ring.unwrap(envelope, "key_1")


@pytest.mark.skipif(shutil.which("age") is None, reason="Debian's age is not installed: apt-get install age")
def test_debians_age_takes_a_key_file_with_a_passphrase(tmp_path: Path) -> None:
    ring, key = open_key_ring((tmp_path / "keys").as_uri(), tmp_path / "e", PASSPHRASE), new_document_key()
    (tmp_path / "envelope").write_bytes(wrap(key, made(ring, "key_1")))
    master, slave = pty.openpty()  # age asks on the terminal, not on standard input
    child = subprocess.Popen(
        ["setsid", "-c", "age", "-d", "-i", tmp_path / "keys/key_1.agekey", "-o", tmp_path / "out",
         tmp_path / "envelope"],
        stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    asked = b""
    while b"passphrase" not in asked and select.select([master], [], [], 60)[0]:
        asked += os.read(master, 1000)
    os.write(master, PASSPHRASE.encode() + b"\n")
    assert child.wait(60) == 0, asked
    os.close(master)
    assert (tmp_path / "out").read_bytes() == key.key_file()
