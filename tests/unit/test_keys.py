"""Document keys, envelopes, the file key ring and its escrow; Debian's age opens what we seal."""

import shutil
import stat
import subprocess
from pathlib import Path

import pyrage
import pytest

from custody.keys import FileKeyRing, VaultKey, new_document_key, open_envelope, recover_escrow, wrap
from custody.sealing import digest_file, seal_file
from records.errors import ConfigurationError, EnvelopeError


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyRing:
    return FileKeyRing(tmp_path / "keys", tmp_path / "escrow")


def vault_key(ring: FileKeyRing, name: str = "key_1") -> VaultKey:
    return VaultKey(name, "cli_1", 1, *ring.create(name))


def test_an_envelope_opens_with_the_vault_key(ring: FileKeyRing) -> None:
    key = new_document_key()
    assert ring.unwrap(wrap(key, vault_key(ring)), "key_1") == key


def test_an_envelope_opens_with_two_of_three_escrow_shares(ring: FileKeyRing, tmp_path: Path) -> None:
    key = new_document_key()
    envelope = wrap(key, vault_key(ring))
    shares = [(tmp_path / "escrow/key_1" / f"share-{n}.txt").read_text().strip() for n in (1, 2, 3)]
    for pair in (shares[:2], shares[1:], [shares[0], shares[2]]):
        assert open_envelope(envelope, recover_escrow(pair)) == key
    with pytest.raises(EnvelopeError):
        recover_escrow(shares[:1])


def test_making_a_key_again_gives_the_same(ring: FileKeyRing) -> None:
    assert ring.create("key_1") == ring.create("key_1") != ring.create("key_2")


def test_secrets_are_readable_by_their_owner_alone(ring: FileKeyRing, tmp_path: Path) -> None:
    vault_key(ring)
    for path in [*(tmp_path / "keys").iterdir(), *(tmp_path / "escrow/key_1").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "keys/key_1.agekey").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        ring.unwrap(b"", "key_1")


@pytest.mark.parametrize("envelope", [b"", b"age-encryption.org/v1\n", b"x" * 500])
def test_a_damaged_envelope_is_named(ring: FileKeyRing, envelope: bytes) -> None:
    vault_key(ring)
    with pytest.raises(EnvelopeError):
        ring.unwrap(envelope, "key_1")


def test_another_clients_key_does_not_open(ring: FileKeyRing) -> None:
    envelope = wrap(new_document_key(), vault_key(ring, "key_1"))
    vault_key(ring, "key_2")
    with pytest.raises(EnvelopeError):
        ring.unwrap(envelope, "key_2")
    with pytest.raises(EnvelopeError, match="does not hold"):
        ring.unwrap(envelope, "key_3")


def test_keys_do_not_show_when_printed() -> None:
    key = new_document_key()
    assert "AGE-SECRET" not in repr(key) and key.salt.hex() not in repr(key)


def test_sealing_hashes_what_it_read_and_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "clear").write_bytes(b"x" * 200_000)
    key = new_document_key()
    sealed = seal_file(tmp_path / "clear", tmp_path / "sealed", key.recipient)
    assert (sealed.sha256, sealed.size) == digest_file(tmp_path / "clear")
    assert (sealed.sealed_sha256, sealed.sealed_size) == digest_file(tmp_path / "sealed")
    key.decrypt_file(tmp_path / "sealed", tmp_path / "opened")
    assert (tmp_path / "opened").read_bytes() == (tmp_path / "clear").read_bytes()


@pytest.mark.parametrize("cut", [1, 100, 70_000])
def test_a_cut_or_changed_object_leaves_no_clear_text(tmp_path: Path, cut: int) -> None:
    (tmp_path / "clear").write_bytes(b"x" * 200_000)
    key = new_document_key()
    seal_file(tmp_path / "clear", tmp_path / "sealed", key.recipient)
    data = (tmp_path / "sealed").read_bytes()
    (tmp_path / "sealed").write_bytes(data[:-cut])
    with pytest.raises(EnvelopeError):
        key.decrypt_file(tmp_path / "sealed", tmp_path / "opened")
    assert not (tmp_path / "opened").exists()
    (tmp_path / "sealed").write_bytes(data[:-cut] + bytes([data[-cut] ^ 1]) + data[len(data) - cut + 1 :])
    with pytest.raises(EnvelopeError):
        key.decrypt_file(tmp_path / "sealed", tmp_path / "opened")
    assert not (tmp_path / "opened").exists()


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed: apt-get install age")
def test_debians_age_opens_an_original_by_two_commands(ring: FileKeyRing, tmp_path: Path) -> None:
    (tmp_path / "clear").write_bytes(b"original bytes" * 10_000)
    key = new_document_key()
    seal_file(tmp_path / "clear", tmp_path / "object.age", key.recipient)
    (tmp_path / "object.envelope.age").write_bytes(wrap(key, vault_key(ring)))
    vault = tmp_path / "keys/key_1.agekey"
    first = subprocess.run(
        ["age", "-d", "-i", vault, tmp_path / "object.envelope.age"], capture_output=True, check=True
    )
    (tmp_path / "document.key").write_bytes(first.stdout)
    second = subprocess.run(
        ["age", "-d", "-i", tmp_path / "document.key", tmp_path / "object.age"], capture_output=True, check=True
    )
    assert second.stdout == (tmp_path / "clear").read_bytes()


def test_ciphertexts_never_match(tmp_path: Path) -> None:
    recipient = [pyrage.x25519.Recipient.from_str(new_document_key().recipient)]
    assert pyrage.encrypt(b"x", recipient) != pyrage.encrypt(b"x", recipient)
