"""Trying a record class on a file: read and described as a record would be, nothing stored, nothing recorded.

For whoever writes a class file. The file is parsed in limited children, like any other (design, section 2, rule 8).
"""

from dataclasses import dataclass
from pathlib import Path

from records.class_library import ClassLibrary
from records.class_models import ClassModel
from records.fields import Description
from records.text import HANDWRITING
from tasks.classify import Classification
from tasks.describe import describe, suggest_class
from tasks.embedded_invoice import find_embedded
from tasks.examine import look
from tasks.reading import read_document
from tasks.services import Services
from tasks.sources import PDF


@dataclass(frozen=True, slots=True)
class Trial:
    """What a file would become: its description, and which class would have been suggested without a name."""

    media_type: str
    sha256: str
    size: int
    pages: int
    language: str | None
    text_source: str
    handwriting: tuple[int, ...]  # the pages on which something is written by hand
    description: Description
    suggested: Classification


def try_class(
    services: Services, path: Path, library: ClassLibrary, name: str, taught: ClassModel | None = None
) -> Trial:
    """Read a file and describe it as a record of the class `name` of `library`; suggest by what was taught too.

    Raises:
        RefusedScanError: the file cannot be taken in as it is.
        ChildLimitError: it ended its child.
        RecordClassError: there is no such class.
        UnavailableError: no engine.
    """
    library.get(name)
    limits = services.limits
    examined, digest, size = services.children.run(limits.examine_seconds, look, path, limits)
    found = tuple(read_document(path, examined.media_type, examined.pages, services.reading, limits, services.children))
    is_pdf = examined.media_type == PDF
    embedded = services.children.run(limits.examine_seconds, find_embedded, path) if is_pdf else None
    languages = [page.language for page in found if page.words]
    sources = {page.source for page in found if page.words}
    return Trial(
        examined.media_type, digest, size, examined.pages,
        max(set(languages), key=languages.count) if languages else None,
        "mixed" if len(sources) > 1 else next(iter(sources), "ocr"),
        tuple(page.page for page in found if HANDWRITING in dict(page.facts)),
        describe(found, library, services.clock.now().date(), name, embedded=embedded),
        suggest_class(found, library, taught),
    )  # fmt: skip
