"""Check this package with nothing but Python 3.9 and OpenSSL 3: python3 check.py LOG.vkey [OPENED].

LOG.vkey is the key of the log as you got it by another way than this package. OPENED is the folder where you opened
an encrypted package's files. What it checks, and with which other tools you can check the same: README.txt.
"""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SPKI = bytes.fromhex("302a300506032b6570032100")  # what stands before a raw Ed25519 public key (RFC 8410)


def fail(what: str) -> None:
    """End: the package does not hold."""
    sys.exit("DOES NOT HOLD: " + what)


def node(left: bytes, right: bytes) -> bytes:
    """Hash two nodes of the tree (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def read_checkpoint(note: bytes, vkey: str) -> "tuple[int, bytes]":
    """Return size and root of a checkpoint that the log's key signed (C2SP signed-note, tlog-checkpoint)."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    key = base64.b64decode(encoded)
    if hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id or key[:1] != b"\x01":
        fail("the log's key is not an Ed25519 verifier key")
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    begin = f"\u2014 {name} ".encode()
    raw = [base64.b64decode(line[len(begin) :]) for line in signatures.split(b"\n") if line.startswith(begin)]
    ours = [signature[4:] for signature in raw if signature[:4].hex() == key_id]
    if not ours:
        fail("the checkpoint is not signed by the log's key")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for file, data in (("key", SPKI + key[1:]), ("text", text), ("signature", ours[0])):
            (place / file).write_bytes(data)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin"]
        command += ["-in", "text", "-sigfile", "signature"]
        if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode != 0:
            fail("the signature of the checkpoint")
    origin, size, root, _ = text.decode().split("\n")
    if origin != name:
        fail("the checkpoint is another log's")
    return int(size), base64.b64decode(root)


def leads_to(leaf: bytes, index: int, size: int, path: "list[bytes]") -> "bytes | None":
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2); None where it has no sense."""
    at, last, value = index, size - 1, hashlib.sha256(b"\x00" + leaf).digest()
    for part in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            value = node(part, value)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            value = node(value, part)
        at, last = at >> 1, last >> 1
    return value if last == 0 and 0 <= index < size else None


def check_events(package: Path, vkey: str) -> "dict[str, str]":
    """Check every event's proof and every subject's chain; return the commitment of each original."""
    checkpoint = (package / "evidence/checkpoint").read_bytes()
    size, root = read_checkpoint(checkpoint, vkey)
    heads: dict[str, str] = {}
    commits: dict[str, str] = {}
    count = 0
    with (package / "evidence/events.jsonl").open("rb") as lines:
        for number, line in enumerate(lines):
            leaf, event = line[:-1], json.loads(line)
            proof = (package / f"evidence/{number:03d}.tlog-proof").read_bytes()
            head, _, ends_in = proof.partition(b"\n\n")
            kind, index, *path = head.decode().split("\n")
            found = leads_to(leaf, int(index[6:]), size, [base64.b64decode(part) for part in path])
            if kind != "c2sp.org/tlog-proof@v1" or ends_in != checkpoint or found != root:
                fail(f"the proof of event {number}")
            if event["seq"] != int(index[6:]) or event["prev"] != heads.get(event["subject"]):
                fail(f"event {number} does not follow on the one before it")
            heads[event["subject"]] = hashlib.sha256(b"\x00" + leaf).hexdigest()
            if event["type"] == "stored":
                commits[event["subject"]] = event["commit"]
            count += 1
    sys.stdout.write(f"{count} events are in the log of {size} entries that its key signed\n")
    if not commits:
        fail("there is no event of an original that was stored")
    return commits


def check_originals(opened: Path, commits: "dict[str, str]") -> None:
    """Compare every original with the commitment that the log holds since it was stored."""
    for line in (opened / "data/commitments.txt").read_text("ascii").splitlines():
        original, salt, path = line.split(" ")
        digest = hashlib.sha256()
        with (opened / path).open("rb") as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
        expected = hmac.new(bytes.fromhex(salt), digest.digest(), hashlib.sha256).hexdigest()
        if commits.pop(original, None) != expected:
            fail(f"the original {path}")
        sys.stdout.write(f"{path} is the file that was taken into custody\n")
    if commits:
        fail("an original is missing: " + ", ".join(commits))


def main() -> None:
    """Check the package that this file lies in."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    package = Path(__file__).resolve().parent
    opened = Path(sys.argv[2]) if len(sys.argv) == 3 else package
    commits = check_events(package, Path(sys.argv[1]).read_text("utf-8"))
    if not (opened / "data/commitments.txt").exists():
        sys.exit("COULD NOT CHECK the originals: this package is encrypted; README.txt says how to open it")
    check_originals(opened, commits)
    sys.stdout.write("HOLDS\n")


if __name__ == "__main__":
    main()
