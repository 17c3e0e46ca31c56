"""PREMIS 3.0 of an evidence package: its files, its events, who acted; written, and compared with what is there.

Source: PREMIS Data Dictionary and XML schema, version 3.0; event types by the vocabulary that the Library of Congress
keeps. Agents are pseudonyms. An encrypted file is described as it lies there: composition level 1, an inhibitor, the
digest of the sealed bytes. Read as what strangers may have written: no document type, no entities, a size limit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from custody.findings import Step
from custody.packages.events import Timeline
from custody.packages.layout import SEALED
from records.errors import PackageError

NAMESPACE = "http://www.loc.gov/premis/v3"
VOCABULARY = "http://id.loc.gov/vocabulary/preservation/"
PREMIS_LIMIT = 1 << 30  # bytes
OURS = "muniment"  # the type of our own identifiers

# what an event is called in the vocabulary of preservation events; the ledger's own name stands beside it
EVENT_TYPES = {
    "received": "transfer", "registered": "accession", "accessioned": "accession", "sealed": "encryption",
    "stored": "ingestion", "abandoned": "deaccession", "duplicate_found": "message digest calculation",
    "retention_set": "policy assignment", "hold_set": "policy assignment", "hold_released": "policy assignment",
    "read": "metadata extraction", "described": "metadata modification", "field_corrected": "metadata modification",
    "field_confirmed": "metadata modification", "review_released": "metadata modification",
    "signatures_checked": "digital signature validation",
    "indexed": "metadata extraction", "fixity_checked": "fixity check", "exported": "dissemination",
    "viewed": "dissemination", "printed": "dissemination", "search_hit_opened": "dissemination",
    "envelope_released": "dissemination", "key_released": "dissemination", "key_rewrapped": "encryption",
    "key_destroyed": "deletion", "erasure_effective": "deletion", "disposed": "deaccession",
    "scanned": "capture", "rescanned": "capture", "qc_passed": "validation", "qc_failed": "validation",
}  # fmt: skip
OTHER = "modification"
FORMATS = {
    "tif": "image/tiff", "pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "jp2": "image/jp2",
    "webp": "image/webp", "bmp": "image/bmp", "gif": "image/gif", "xml": "application/alto+xml", "txt": "text/plain",
}  # fmt: skip


@dataclass(slots=True)
class Described:
    """What a PREMIS document says: files with digest and size, events with type, time and agent, agents, records."""

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    events: dict[str, tuple[str, str, str, str, str]] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)


def event_type(kind: str) -> str:
    """Return the vocabulary's name of an event type of the ledger."""
    return EVENT_TYPES.get(kind, OTHER)


def write_premis(
    records: Mapping[str, Iterable[str]],
    files: Mapping[str, tuple[str, int]],
    events: Iterable[Mapping[str, Any]],
    agents: Mapping[str, str],
    software: str,
) -> Iterator[bytes]:
    """Yield the PREMIS document of a package.

    Args:
        records: record -> paths of its files in the package.
        files: path -> SHA-256 and size of a payload file as it lies there.
        events: the leaves, parsed, in ledger order.
        agents: pseudonym -> role acted in.
        software: version of Muniment.
    """
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<premis xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="{NAMESPACE} http://www.loc.gov/standards/premis/v3/premis-v3-0.xsd" version="3.0">\n'
    ).encode()
    for record, paths in records.items():
        yield _record(record, paths).encode()
    for path, (digest, size) in files.items():
        yield _file(path, digest, size).encode()
    for event in events:
        yield _event(event).encode()
    for pseudonym, role in agents.items():
        yield _agent(pseudonym, f"acted as {role}", "software" if role == "system" else "person").encode()
    yield _agent("muniment", f"version {software}", "software").encode()
    yield b"</premis>\n"


def check_premis(path: Path, files: Mapping[str, tuple[str, int]], timeline: Timeline, step: Step) -> None:
    """Compare a PREMIS document with the payload's files (path -> SHA-256, size) and the package's events.

    Raises:
        PackageError: it is no PREMIS document that can be read.
    """
    described = read_premis(path)
    wanted_files = {name: (digest, str(size)) for name, (digest, size) in files.items()}
    wanted_events = {
        event: (event_type(kind), kind, time, actor, subject)
        for event, (kind, time, subject, actor) in timeline.events.items()
    }
    _compare(wanted_files, described.files, "premis-file", step)
    _compare(wanted_events, described.events, "premis-event", step)
    actors = {actor for _kind, _time, _subject, actor in timeline.events.values()}
    for agent in sorted((actors | {"muniment"}) ^ described.agents):
        step.problem("premis-agent", agent, "an agent of the events", "missing, or one more")
    for record in sorted({s for s in timeline.heads if s.startswith("rec_")} ^ described.records):
        step.problem("premis-record", record, "a record of the events", "missing, or one more")


def read_premis(path: Path) -> Described:
    """Read a PREMIS document as far as it is compared.

    Raises:
        PackageError: not well-formed, of another shape, too large, or with a document type.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        if path.stat().st_size > PREMIS_LIMIT:
            raise PackageError("the PREMIS document is too large")
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (OSError, expat.ExpatError, KeyError) as error:
        raise PackageError("not a PREMIS document as packages have it") from error
    return reader.described


def _compare(wanted: Mapping[str, Any], found: Mapping[str, Any], kind: str, step: Step) -> None:
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            step.problem(kind, name, _joined(wanted.get(name)), _joined(found.get(name)))


def _joined(values: tuple[str, ...] | None) -> str | None:
    return None if values is None else " ".join(values)


def _refuse(*_declared: Any) -> None:
    raise PackageError("a PREMIS document has no document type")


class _Reader:
    """Collects what is compared: the values of the elements of each object, event and agent."""

    def __init__(self) -> None:
        self.described = Described()
        self._values: dict[str, str] = {}
        self._kind = ""
        self._text: list[str] = []
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        local = self._local(name)
        if self._depth == 1 and local != "premis":
            raise PackageError("not a PREMIS document")
        if self._depth == 2:
            self._values = {}
            self._kind = attributes.get("http://www.w3.org/2001/XMLSchema-instance type", "")
        self._text = []

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        self._depth -= 1
        local = self._local(name)
        if self._depth == 1:
            self._take(local)
        elif self._text:
            self._values[local] = "".join(self._text)
        self._text = []

    def _local(self, name: str) -> str:
        space, _, local = name.rpartition(" ")
        if space != NAMESPACE:
            raise PackageError("an element of another namespace")
        return local

    def _take(self, local: str) -> None:
        values = self._values
        if local == "object" and self._kind == "file":
            path = values["objectIdentifierValue"]
            self._once(path, self.described.files)
            self.described.files[path] = (values["messageDigest"], values["size"])
        elif local == "object":
            self.described.records.add(values["objectIdentifierValue"])
        elif local == "event":
            event = values["eventIdentifierValue"]
            self._once(event, self.described.events)
            self.described.events[event] = (
                values["eventType"], values["eventDetail"], values["eventDateTime"],
                values["linkingAgentIdentifierValue"], values["linkingObjectIdentifierValue"],
            )  # fmt: skip
        elif local == "agent":
            self.described.agents.add(values["agentIdentifierValue"])
        else:
            raise PackageError("an element that packages do not have")

    def _once(self, name: str, taken: Mapping[str, Any]) -> None:
        if name in taken:
            raise PackageError("an object or event stands twice in the PREMIS document")


def _element(name: str, text: object, vocabulary: str = "") -> str:
    source = f' authority="{vocabulary}" authorityURI="{VOCABULARY}{vocabulary}"' if vocabulary else ""
    return f"<{name}{source}>{escape(str(text))}</{name}>"


def _identifier(prefix: str, kind: str, value: str, role: str = "") -> str:
    inside = _element(f"{prefix}IdentifierType", kind) + _element(f"{prefix}IdentifierValue", value) + role
    return f"<{prefix}Identifier>{inside}</{prefix}Identifier>"


def _record(record: str, paths: Iterable[str]) -> str:
    related = "".join(_identifier("relatedObject", "path in the package", path) for path in paths)
    relation = _element("relationshipType", "structural", "relationshipType")
    relation += _element("relationshipSubType", "has part", "relationshipSubType")
    tied = f"<relationship>{relation}{related}</relationship>" if related else ""
    return f'<object xsi:type="intellectualEntity">{_identifier("object", OURS, record)}{tied}</object>\n'


def _file(path: str, digest: str, size: int) -> str:
    sealed = path.endswith(SEALED)
    name = FORMATS.get(path.removesuffix(SEALED).rpartition(".")[2], "application/octet-stream")
    fixity = _element("messageDigestAlgorithm", "SHA-256", "cryptographicHashFunctions")
    fixity += _element("messageDigest", digest)
    designation = _element("formatName", "application/age" if sealed else name)
    inside = (
        _element("compositionLevel", 1 if sealed else 0)
        + f"<fixity>{fixity}</fixity>"
        + _element("size", size)
        + f"<format><formatDesignation>{designation}</formatDesignation></format>"
    )
    if sealed:
        inside += f"<inhibitors>{_element('inhibitorType', 'age v1, to the receiver')}</inhibitors>"
    original = path.removeprefix("data/originals/").partition(".")[0] if path.startswith("data/originals/") else ""
    ours = _identifier("object", OURS, original) if original else ""
    return (
        f'<object xsi:type="file">{ours}{_identifier("object", "path in the package", path)}'
        f"<objectCharacteristics>{inside}</objectCharacteristics></object>\n"
    )


def _event(event: Mapping[str, Any]) -> str:
    role = _element("linkingAgentRole", "executing program" if event["actor"]["role"] == "system" else "implementer",
                    "eventRelatedAgentRole")  # fmt: skip
    detail = f"<eventDetailInformation>{_element('eventDetail', event['type'])}</eventDetailInformation>"
    return (
        f"<event>{_identifier('event', OURS, event['id'])}"
        + _element("eventType", event_type(event["type"]), "eventType")
        + _element("eventDateTime", event["ts"])
        + detail
        + _identifier("linkingAgent", OURS, event["actor"]["id"], role)
        + _identifier("linkingObject", OURS, event["subject"])
        + "</event>\n"
    )


def _agent(identifier: str, note: str, kind: str) -> str:
    return (
        f"<agent>{_identifier('agent', OURS, identifier)}{_element('agentType', kind, 'agentType')}"
        f"{_element('agentNote', note)}</agent>\n"
    )
