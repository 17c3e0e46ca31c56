"""BagIt (RFC 8493), version 1.0, SHA-256: what an evidence package is laid in; written once, read strictly.

Files are hashed as they are written, so that a bag of many gigabytes costs one pass. Paths are ASCII of a closed
alphabet, hence nothing needs the percent-encoding of RFC 8493. A manifest has one form only: `digest`, two spaces,
path, line feed, ordered by path; any other is refused, and so every changed byte of it shows.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from custody.findings import Step
from custody.handover import hand_over
from custody.sealing import sync_folder
from records.errors import PackageError

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
LINE = re.compile(rb"([0-9a-f]{64})  ([^\n]+)\n")
MANIFEST_LIMIT = 256 << 20  # bytes: over a million files


@dataclass
class BagWriter:
    """Lays files in a folder that is there and empty, remembers their digests, and finishes with the manifests."""

    folder: Path
    digests: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return where a file of the bag goes; its folder is made."""
        if not PATH.fullmatch(name) or name in self.digests:
            raise PackageError(f"{name} cannot be a file of a bag, or is one already")
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return target

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file of the bag, whole or not at all."""
        self.note(name, *hand_over(chunks, self.path(name)))

    def note(self, name: str, sha256: str, size: int) -> None:
        """Remember a file that was written to `path(name)` already, with its digest and size."""
        self.digests[name], self.sizes[name] = sha256, size

    def finish(self, about: Mapping[str, str]) -> str:
        """Write declaration, description and manifests; return the SHA-256 of the payload's manifest."""
        payload = {name: digest for name, digest in self.digests.items() if name.startswith("data/")}
        octets = sum(self.sizes[name] for name in payload)
        described = {**about, "Payload-Oxum": f"{octets}.{len(payload)}"}
        self.write("bagit.txt", [DECLARATION])
        self.write("bag-info.txt", ["".join(f"{name}: {value}\n" for name, value in described.items()).encode()])
        self.write(MANIFEST, [encode_manifest(payload)])
        tags = {name: digest for name, digest in self.digests.items() if name not in payload}
        hand_over([encode_manifest(tags)], self.folder / TAG_MANIFEST)
        for folder in {path.parent for path in self.folder.rglob("*")}:
            sync_folder(folder)
        return self.digests[MANIFEST]


def encode_manifest(digests: Mapping[str, str]) -> bytes:
    """Return a manifest in its one form."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode("ascii")


def read_manifest(path: Path) -> dict[str, str]:
    """Read a manifest strictly: path -> SHA-256.

    Raises:
        PackageError: it is not there, too large, or not in its one form.
    """
    try:
        if path.is_symlink() or path.stat().st_size > MANIFEST_LIMIT:
            raise PackageError(f"{path.name} is a link, or too large")
        data = path.read_bytes()
    except OSError as error:
        raise PackageError(f"{path.name} cannot be read") from error
    digests = {}
    for digest, name in LINE.findall(data):
        digests[name.decode("latin-1")] = digest.decode("ascii")
    if not all(map(PATH.fullmatch, digests)) or encode_manifest(digests) != data:
        raise PackageError(f"{path.name} is not in the form of a manifest")
    return digests


def check_bag(folder: Path, step: Step) -> dict[str, str]:
    """Compare a bag with its manifests file by file; return path -> SHA-256 of the files that are as listed.

    Named are: what is missing, changed, no plain file (a link above all), or there without being listed.
    """
    expected = _listed(folder, step)
    sound = {}
    for path, found in _files(folder):
        wanted = expected.pop(path, None)
        if path == TAG_MANIFEST:
            continue
        if wanted is None or found is None:
            step.problem("file", path, "a file that is listed" if wanted is None else "a plain file", "something else")
        elif (digest := digest_of(found)) != wanted:
            step.problem("file", path, wanted, digest)
        else:
            sound[path] = wanted
    for path in sorted(expected):
        step.problem("file", path, expected[path], "missing")
    if "bagit.txt" in sound and (folder / "bagit.txt").read_bytes() != DECLARATION:
        step.problem("file", "bagit.txt", "BagIt 1.0 in UTF-8", "another declaration")
    return sound


def _listed(folder: Path, step: Step) -> dict[str, str]:
    """Return what both manifests list: payload in the one, all the rest in the other."""
    expected: dict[str, str] = {}
    for name in (TAG_MANIFEST, MANIFEST):
        try:
            listed = read_manifest(folder / name)
        except PackageError as error:
            step.problem("manifest", name, "a manifest", error)
            continue
        for path in sorted(listed):
            if path.startswith("data/") != (name == MANIFEST) or path == TAG_MANIFEST:
                step.problem("manifest", path, "in the other manifest", name)
        expected |= listed
    for name in ("bagit.txt", "bag-info.txt", MANIFEST):
        if name not in expected:
            step.problem("manifest", name, f"listed in {TAG_MANIFEST}", "not listed")
    return expected


def digest_of(path: Path) -> str:
    """Return SHA-256 of a file, in flat memory.

    Raises:
        PackageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PackageError("a file of the package cannot be read") from error


def _files(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield what lies in a bag, by its path; None for what is no plain file. Links are never followed."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        here = Path(place)
        if not folders and not files:
            yield here.relative_to(folder).as_posix() + "/", None  # a manifest cannot list it: none of ours makes one
        for name in (name for name in folders if (here / name).is_symlink()):
            yield (here / name).relative_to(folder).as_posix(), None
        for name in sorted(files):
            path = here / name
            plain = stat.S_ISREG(path.lstat().st_mode)
            yield path.relative_to(folder).as_posix(), path if plain else None
