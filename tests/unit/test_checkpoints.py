"""Checkpoints, cosignatures, policies, proof files and key files: what is signed holds; everything else is refused."""

import base64
import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from custody.checkpoints import Checkpoint, cosignature_message, cosigned_at, open_checkpoint, parse_checkpoint
from custody.merkle import EMPTY_ROOT, hash_leaf, inclusion_proof, root_of, subtrees_of
from custody.notes import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519, Note, NoteKey, parse_note, parse_vkey
from custody.policies import believe, parse_policy
from custody.proofs import TlogProof, parse_proof, verify_proof, verify_proof_by_policy
from custody.signing_keys import (
    SigningKey,
    keep_signing_key,
    make_signing_key,
    parse_signing_key,
    read_signing_key,
)
from records.errors import ConfigurationError, LedgerError, NoteError, ProofError

LOG = make_signing_key("archive.test/ledger", ED25519, bytes(range(32)))
WITNESSES = [
    make_signing_key(f"witness{number}.test", kind, hashlib.sha256(b"%d" % number).digest())
    for number, kind in enumerate((COSIGNATURE_ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44))
]
ENTRIES = [b'{"seq":%d}' % number for number in range(5)]
LEAVES = [hash_leaf(entry) for entry in ENTRIES]
CHECKPOINT = Checkpoint(LOG.name, 5, root_of(LEAVES))
TIME = 1_790_000_000


def signed(*witnesses: SigningKey, log: SigningKey = LOG, text: str = CHECKPOINT.body) -> bytes:
    return Note(text, (log.sign(text), *(witness.cosign(text, TIME) for witness in witnesses))).data


def test_a_checkpoint_is_three_lines_and_read_back() -> None:
    encoded = base64.b64encode(CHECKPOINT.root).decode()
    assert CHECKPOINT.body == f"archive.test/ledger\n5\n{encoded}\n"
    assert parse_checkpoint(CHECKPOINT.body) == CHECKPOINT
    opened = open_checkpoint(signed(), LOG.key)
    assert opened.checkpoint == CHECKPOINT and opened.data == signed()


ROOT = base64.b64encode(bytes(range(32))).decode()
EMPTY = base64.b64encode(EMPTY_ROOT).decode()
MALFORMED = {
    "nothing": "",
    "no line feed at the end": f"a\n5\n{ROOT}",
    "an extension line": f"a\n5\n{ROOT}\nmore\n",
    "an empty line at the end": f"a\n5\n{ROOT}\n\n",
    "two lines": "a\n5\n",
    "no origin": f"\n5\n{ROOT}\n",
    "no size": f"a\n\n{ROOT}\n",
    "leading zero": f"a\n05\n{ROOT}\n",
    "two zeros": f"a\n00\n{EMPTY}\n",
    "a sign": f"a\n+5\n{ROOT}\n",
    "less than nothing": f"a\n-5\n{ROOT}\n",
    "a space": f"a\n 5\n{ROOT}\n",
    "digits of another script": f"a\n٥\n{ROOT}\n",
    "superscript": f"a\n²\n{ROOT}\n",
    "64 bits": f"a\n{2**63}\n{ROOT}\n",
    "very long": f"a\n{'9' * 5000}\n{ROOT}\n",
    "no root": "a\n5\n\n",
    "root without padding": f"a\n5\n{ROOT.rstrip('=')}\n",
    "padding bits that are not zero": f"a\n5\n{ROOT[:-2]}9=\n",
    "root of another alphabet": f"a\n5\n{base64.urlsafe_b64encode(bytes([255] * 32)).decode()}\n",
    "31 bytes": f"a\n5\n{base64.b64encode(bytes(31)).decode()}\n",
    "33 bytes": f"a\n5\n{base64.b64encode(bytes(33)).decode()}\n",
    "root that is no ASCII": "a\n5\nñ\n",
    "empty tree with a root": f"a\n0\n{ROOT}\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_checkpoint_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(MALFORMED[name])
    note = Note(MALFORMED[name] or "\n", (LOG.sign(MALFORMED[name]),)) if MALFORMED[name].endswith("\n") else None
    if note is not None:  # also where it is duly signed
        with pytest.raises(NoteError):
            open_checkpoint(note.data, make_signing_key(LOG.name, ED25519, LOG.seed).key)


def test_the_empty_tree_has_its_root() -> None:
    assert parse_checkpoint(f"a\n0\n{EMPTY}\n") == Checkpoint("a", 0, EMPTY_ROOT)


def test_another_logs_checkpoint_is_refused() -> None:
    text = CHECKPOINT.body.replace("archive.test", "another.test")
    with pytest.raises(NoteError, match="another log"):
        open_checkpoint(signed(text=text), LOG.key)


def test_every_changed_byte_of_a_cosigned_checkpoint_is_refused() -> None:
    policy = parse_policy(policy_text("quorum all-of-them"))
    note = signed(*WITNESSES[:2])
    assert set(believe(note, policy).witnessed) == {"w0", "w1"}
    for place in range(len(note)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(note)
            changed[place] ^= bit
            with pytest.raises((NoteError, LedgerError)):
                believe(bytes(changed), policy)


@pytest.mark.parametrize("witness", WITNESSES, ids=lambda key: key.name)
def test_a_cosignature_tells_its_time_and_binds_it(witness: SigningKey) -> None:
    note = parse_note(signed(witness))
    assert cosigned_at(note, witness.key) == TIME
    line = note.signatures[1]
    for other in (struct.pack(">Q", TIME + 1) + line.raw[8:], line.raw[:-1], line.raw + b"x", line.raw[:8], b"x"):
        changed = Note(note.text, (note.signatures[0], type(line)(line.name, line.key_id, other)))
        with pytest.raises(NoteError):
            cosigned_at(changed, witness.key)


def test_a_witness_that_did_not_cosign_is_none_and_the_latest_of_two_counts() -> None:
    first, other = WITNESSES[:2]
    assert cosigned_at(parse_note(signed(first)), other.key) is None
    again = Note(CHECKPOINT.body, (first.cosign(CHECKPOINT.body, 5), first.cosign(CHECKPOINT.body, 9)))
    assert cosigned_at(again, first.key) == 9
    wrong = Note(
        CHECKPOINT.body, (*again.signatures, type(again.signatures[0])(first.name, first.key.key_id, bytes(72)))
    )
    with pytest.raises(NoteError):
        cosigned_at(wrong, first.key)


def test_the_messages_are_those_of_the_specification() -> None:
    assert cosignature_message(CHECKPOINT.body, "w", COSIGNATURE_ED25519, 7) == (
        b"cosignature/v1\ntime 7\n" + CHECKPOINT.body.encode()
    )
    origin = LOG.name.encode()
    assert cosignature_message(CHECKPOINT.body, "w", COSIGNATURE_ML_DSA_44, 7) == (
        b"subtree/v1\n\x00\x01w" + bytes(7) + b"\x07" + bytes([len(origin)]) + origin + bytes(15) + b"\x05"
        + CHECKPOINT.root
    )  # fmt: skip


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_out_of_range_is_refused(time: int) -> None:
    with pytest.raises(NoteError):
        cosignature_message(CHECKPOINT.body, "w", COSIGNATURE_ED25519, time)


def test_the_example_of_the_cosignature_specification_is_read_by_its_shape() -> None:
    """A cosigned checkpoint as the specification prints it; its keys are not given there, so only the shape is read."""
    note = parse_note(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
        "+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oy"
        "in1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n".encode()
    )
    assert parse_checkpoint(note.text).size == 20852163
    assert int.from_bytes(note.signatures[1].raw[:8], "big") == 1679315147 and len(note.signatures[1].raw) == 72


def policy_text(quorum: str = "quorum none", *more: str) -> bytes:
    lines = [f"log {LOG.key.vkey}", *(f"witness w{n} {w.key.vkey}" for n, w in enumerate(WITNESSES[:2]))]
    return "\n".join([*lines, "group all-of-them all w0 w1", *more, quorum, ""]).encode()


def test_a_policy_is_read_as_the_specification_says() -> None:
    policy = parse_policy(
        b"# who counts\n\n \t" + policy_text("quorum all-of-them # no", "group x any all-of-them")[:-6] + b"\n"
    )
    assert [key.name for key in policy.logs] == [LOG.name] and list(policy.witnesses) == ["w0", "w1"]
    assert policy.is_satisfied({"w0", "w1"}) and not policy.is_satisfied({"w0"}) and not policy.is_satisfied(set())


def test_quorums_nest() -> None:
    keys = [make_signing_key(f"k{n}.test", COSIGNATURE_ED25519, bytes([n] * 32)).key for n in range(1, 7)]
    lines = [f"witness k{n} {key.vkey} https://k{n}.test/" for n, key in enumerate(keys, start=1)]
    lines += ["group x 2 k1 k2 k3", "group y any k4 k5 k6", "group both all x y", "quorum both"]
    policy = parse_policy("\n".join(lines).encode())
    assert policy.is_satisfied({"k1", "k3", "k6"})
    for too_few in ({"k1", "k2", "k3"}, {"k1", "k4", "k5", "k6"}, {"x", "y"}, {"both"}):
        assert not policy.is_satisfied(too_few)


V0, V1, VL = WITNESSES[0].key.vkey, WITNESSES[1].key.vkey, LOG.key.vkey
RENAMED = NoteKey("other.test", WITNESSES[0].key.public, COSIGNATURE_ED25519).vkey
WRONG_POLICIES = {
    "no quorum": f"log {VL}",
    "two quorums": "quorum none\nquorum none",
    "an unknown line": "logs x\nquorum none",
    "a quorum of nobody known": "quorum w",
    "a quorum defined later": f"quorum w\nwitness w {V0}",
    "a witness called none": f"witness none {V0}\nquorum none",
    "a name twice": f"witness w {V0}\nwitness w {V1}\nquorum w",
    "a group named as a witness": f"witness w {V0}\ngroup w any w\nquorum w",
    "a key twice": f"witness v {V0}\nwitness w {V0}\nquorum w",
    "a key twice under two names": f"witness v {V0}\nwitness w {RENAMED}\nquorum w",
    "a log twice": f"log {VL}\nlog {VL}\nquorum none",
    "a log's key as witness": f"witness w {VL}\nquorum w",
    "a witness's key as log": f"log {V0}\nquorum none",
    "no key": "witness w\nquorum none",
    "a damaged key": f"witness w {V0[:-4]}AAA=\nquorum w",
    "a member of two groups": f"witness w {V0}\ngroup a any w\ngroup b any w\nquorum b",
    "a member twice": f"witness w {V0}\ngroup a any w w\nquorum a",
    "a member defined later": f"group a any w\nwitness w {V0}\nquorum a",
    "no members": "group a any\nquorum none",
    "none as a member": "group a any none\nquorum a",
    "a threshold of 0": f"witness w {V0}\ngroup a 0 w\nquorum a",
    "a threshold above": f"witness w {V0}\ngroup a 2 w\nquorum a",
    "a threshold that is none": f"witness w {V0}\ngroup a most w\nquorum a",
    "a threshold of other digits": f"witness w {V0}\ngroup a ١ w\nquorum a",
    "a huge threshold": f"witness w {V0}\ngroup a {'9' * 6000} w\nquorum a",
    "words too many": f"witness w {V0} url more\nquorum w",
    "a carriage return": "quorum none\r\n",
    "a zero byte": "quorum none\0",
}


@pytest.mark.parametrize("name", WRONG_POLICIES)
def test_a_wrong_policy_is_refused(name: str) -> None:
    with pytest.raises(ProofError):
        parse_policy(WRONG_POLICIES[name].encode())


def test_a_checkpoint_is_believed_by_log_and_quorum_only() -> None:
    policy = parse_policy(policy_text("quorum all-of-them"))
    believed = believe(signed(*WITNESSES), policy)
    assert believed.signed.checkpoint == CHECKPOINT and believed.key == LOG.key
    assert believed.witnessed == {"w0": TIME, "w1": TIME}
    with pytest.raises(ProofError, match="quorum"):
        believe(signed(WITNESSES[0], WITNESSES[2]), policy)
    stranger = make_signing_key(LOG.name, ED25519, bytes(32))
    with pytest.raises(NoteError, match="no log"):
        believe(signed(*WITNESSES, log=stranger), policy)


def test_a_rotated_log_key_is_believed_by_either() -> None:
    new = make_signing_key(LOG.name, ED25519, bytes([9] * 32))
    both = Note(CHECKPOINT.body, (LOG.sign(CHECKPOINT.body), new.sign(CHECKPOINT.body)))
    for key in (LOG.key, new.key):
        assert believe(both.data, parse_policy(f"log {key.vkey}\nquorum none".encode())).key == key


def test_a_log_may_sign_by_ml_dsa_too() -> None:
    later = make_signing_key(LOG.name, COSIGNATURE_ML_DSA_44, bytes([7] * 32))
    note = Note(CHECKPOINT.body, (LOG.sign(CHECKPOINT.body), later.cosign(CHECKPOINT.body, TIME)))
    assert open_checkpoint(note.data, later.key).checkpoint == open_checkpoint(note.data, LOG.key).checkpoint
    assert len(note.data) < 4_000


def proof_of(index: int, extra: bytes | None = None) -> TlogProof:
    path = tuple(inclusion_proof(index, len(LEAVES), subtrees_of(LEAVES)))
    return TlogProof(index, path, signed(WITNESSES[0]), extra)


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("extra", [None, b"", b"anything"])
def test_a_proof_file_is_read_back_and_holds(index: int, extra: bytes | None) -> None:
    proof = proof_of(index, extra)
    assert parse_proof(proof.data) == proof
    assert verify_proof(proof, ENTRIES[index], LOG.key).checkpoint == CHECKPOINT
    policy = parse_policy(f"log {VL}\nwitness w {V0}\nquorum w".encode())
    assert verify_proof_by_policy(proof, ENTRIES[index], policy).checkpoint == CHECKPOINT


def test_a_proof_for_another_leaf_is_refused() -> None:
    with pytest.raises(ProofError):
        verify_proof(proof_of(1), ENTRIES[2], LOG.key)
    with pytest.raises(ProofError, match="quorum"):
        verify_proof_by_policy(proof_of(1), ENTRIES[1], parse_policy(f"log {VL}\nwitness w {V1}\nquorum w".encode()))


def test_every_changed_byte_of_a_proof_is_refused() -> None:
    data = proof_of(3).data
    policy = parse_policy(f"log {VL}\nwitness w {V0}\nquorum w".encode())
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((NoteError, LedgerError)):
            verify_proof_by_policy(parse_proof(bytes(changed)), ENTRIES[3], policy)


PROOF = proof_of(3).data
WRONG_PROOFS = {
    "nothing": b"",
    "no checkpoint": PROOF.partition(b"\n\n")[0],
    "another version": PROOF.replace(b"@v1", b"@v2"),
    "no index": PROOF.replace(b"index 3\n", b""),
    "leading zero": PROOF.replace(b"index 3", b"index 03"),
    "a sign": PROOF.replace(b"index 3", b"index +3"),
    "64 bits": PROOF.replace(b"index 3", b"index 9223372036854775808"),
    "very long": PROOF.replace(b"index 3", b"index " + b"9" * 6000),
    "extra after index": PROOF.replace(b"index 3\n", b"index 3\nextra AA==\n"),
    "extra twice": PROOF.replace(b"index 3\n", b"extra AA==\nextra AA==\nindex 3\n"),
    "extra that is no base64": PROOF.replace(b"index 3\n", b"extra A\nindex 3\n"),
    "a short hash": PROOF.replace(b"index 3\n", b"index 3\nAAAA\n"),
    "64 hashes": PROOF.replace(b"index 3\n", b"index 3\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
    "carriage returns": PROOF.replace(b"\n", b"\r\n"),
    "cut": PROOF[:-1],
}


@pytest.mark.parametrize("name", WRONG_PROOFS)
def test_a_malformed_proof_is_refused(name: str) -> None:
    with pytest.raises((ProofError, NoteError)):
        parse_proof(WRONG_PROOFS[name])


@pytest.mark.parametrize("key", [LOG, *WITNESSES], ids=lambda key: key.name)
def test_a_key_file_is_read_back_and_its_owners_alone(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    keep_signing_key(path, key)
    assert read_signing_key(path) == key and path.stat().st_mode & 0o777 == 0o600
    assert parse_vkey(key.key.vkey, (key.kind,)) == key.key
    assert key.seed.hex() not in repr(key) and repr(key.seed) not in repr(key)
    with pytest.raises(ConfigurationError):
        keep_signing_key(path, key)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others"):
        read_signing_key(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: "", lambda line: line[1:], lambda line: line + "\n", lambda line: line.replace("PRIV", "PUBL"),
        lambda line: line.replace("archive", "another"), lambda line: line[:-3] + "\n", lambda line: line.upper(),
    ],
)  # fmt: skip
def test_a_damaged_key_file_is_refused_and_not_repeated(change: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_signing_key(change(LOG.line))  # type: ignore[operator]
    assert LOG.line.split("+")[-1].strip() not in str(refused.value)
    with pytest.raises(ConfigurationError):
        read_signing_key(tmp_path / "none")


def test_a_name_with_spaces_or_a_plus_names_no_key() -> None:
    for name in ("", "a b", "a+b", "a\tb", "a\u00a0b", "a\u2003b"):
        with pytest.raises(ConfigurationError):
            make_signing_key(name, ED25519, bytes(32))


def test_the_key_of_another_implementations_log_is_read() -> None:
    """The verifier key of the log that Tessera's tests carry; its note is checked by hand where that log is at hand."""
    key = parse_vkey("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
    assert key.name == "example.com/log/testdata" and Ed25519PublicKey.from_public_bytes(key.public)
