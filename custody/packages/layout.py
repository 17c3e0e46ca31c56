"""Where things lie in an evidence package, and the small files of our own in it (docs/design/evidence-package.md)."""

import re
from dataclasses import dataclass

from records.errors import PackageError

EVENTS = "evidence/events.jsonl"  # exact leaf bytes, one event a line, in ledger order
CHECKPOINT = "evidence/checkpoint"
ROOTS = "evidence/tsa-roots.pem"
KEY, POLICY = "log.vkey", "policy"
PREMIS = "metadata/premis.xml"
README, SCRIPT, OPENER = "README.txt", "check.py", "open.sh"
COMMITMENTS = "data/commitments.txt"
SEALED = ".age"  # ends the name of a payload file that is encrypted to the receiver

COMMITMENTS_LIMIT = 64 << 20  # bytes
_LINE = re.compile(r"(ori_[0-9a-f]{32}) ([0-9a-f]{64}) (data/originals/[A-Za-z0-9._-]+)")
EXTENSIONS = {
    "image/tiff": "tif", "application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/jp2": "jp2",
    "image/webp": "webp", "image/bmp": "bmp", "image/gif": "gif", "image/heic": "heic",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the commitment of an original: its salt, for the clear file at `path`."""

    original: str
    salt: bytes
    path: str


def proof_name(number: int) -> str:
    """Return the place of the inclusion proof of the n-th event of the package, counted from 0."""
    return f"evidence/{number:03d}.tlog-proof"


def token_name(renewal: int = 0) -> str:
    """Return the place of the checkpoint's time stamp, or of its n-th renewal."""
    return f"{CHECKPOINT}.tsr" if renewal == 0 else f"{CHECKPOINT}.{renewal}.tsr"


def original_name(original: str, media_type: str) -> str:
    """Return the place of an original: by its id, never by the name it came with."""
    return f"data/originals/{original}.{EXTENSIONS.get(media_type, 'bin')}"


def rendition_name(record: str, kind: str) -> str:
    """Return the place of a rendition: `readable.pdf` or `words.alto.xml`."""
    return f"data/records/{record}/{kind}"


def encode_openings(openings: list[Opening]) -> bytes:
    """Return the file of salts, one original a line."""
    return "".join(f"{o.original} {o.salt.hex()} {o.path}\n" for o in openings).encode("ascii")


def parse_openings(data: bytes) -> list[Opening]:
    """Read the file of salts.

    Raises:
        PackageError: not in its form, or an original stands there twice.
    """
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise PackageError("the file of salts is ASCII") from error
    found = [_LINE.fullmatch(line) for line in lines[:-1]]
    if lines[-1] or not all(found) or len(data) > COMMITMENTS_LIMIT:
        raise PackageError("the file of salts is not in its form")
    openings = [Opening(m[1], bytes.fromhex(m[2]), m[3]) for m in found if m]
    if len({o.original for o in openings}) != len(openings) or len({o.path for o in openings}) != len(openings):
        raise PackageError("an original stands twice in the file of salts")
    return openings
