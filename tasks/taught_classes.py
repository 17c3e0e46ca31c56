"""Teaching classes by a client's own papers: from files sorted by class, and from records whose class a person decided.

Each teaching makes a new version beside the old ones, with an event; describing takes the newest. What is stored is
data (records.class_models) in the catalogue, so that every machine of an installation has it.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from custody.keys import new_salt
from custody.ledger import Actor, Draft, append
from records.class_models import ClassModel
from records.errors import InvalidValueError
from records.ids import RecordId, instant
from records.tables import class_models, records
from tasks.class_features import PAGES, features_of
from tasks.class_learning import Example, Measured, learn
from tasks.examine import look
from tasks.layout import lay_out
from tasks.reading import read_document
from tasks.record_describing import DECIDED
from tasks.services import Services
from tasks.words import borrowed, ends_of

TAUGHT = "class-model"  # reason of `config_changed`
MOST_RECORDS = 500  # decided records that are learnt from, the newest first


def file_examples(services: Services, folder: Path) -> Iterator[Example]:
    """Read files that lie in one folder for each class, named as the class.

    Raises:
        InvalidValueError: a folder is not named as a class.
        RefusedScanError, ChildLimitError: a file cannot be read.
    """
    for inside in sorted(path for path in folder.iterdir() if path.is_dir()):
        if inside.name not in services.library.classes:
            raise InvalidValueError(f"{inside.name}: there is no class of this name")
        for file in sorted(path for path in inside.rglob("*") if path.is_file()):
            yield _read(services, file, inside.name)


def _read(services: Services, file: Path, record_class: str) -> Example:
    limits = services.limits
    examined, digest, _size = services.children.run(limits.examine_seconds, look, file, limits)
    pages = read_document(
        file, examined.media_type, min(examined.pages, PAGES), services.reading, limits, services.children
    )
    return Example(digest, record_class, features_of([lay_out(page) for page in pages]))


def decided_examples(services: Services, client: str) -> Iterator[Example]:
    """Take the client's newest records whose class a person decided; their words are opened as the system's."""
    query = select(records.c.id, records.c.record_class, records.c.class_evidence).where(
        records.c.client == client, records.c.state != "disposed", records.c.record_class.is_not(None)
    )
    with services.database.read() as connection:
        rows = connection.execute(query.order_by(records.c.id.desc())).all()
    decided = [(row.id, row.record_class) for row in rows if DECIDED in (row.class_evidence or ())][:MOST_RECORDS]
    for record, record_class in decided:
        with borrowed(services, [RecordId(record)]) as words:
            pages, _ = ends_of(words[RecordId(record)], PAGES, 0)
        yield Example(sha256(record.encode()).hexdigest(), record_class, features_of([lay_out(page) for page in pages]))


def teach(services: Services, client: str, examples: list[Example], actor: Actor) -> tuple[ClassModel, Measured, int]:
    """Learn a new version for a client and store it; return it, how it did on its own examples, and the event's place.

    Raises:
        InvalidValueError: there are too few examples.
    """
    with services.database.read() as connection:
        version = _last(connection, client) + 1
    model, measured = learn(examples, version, new_salt().hex())
    now = services.clock.now()
    with services.database.write() as connection:
        if _last(connection, client) != version - 1:
            raise InvalidValueError("this client has just been taught by somebody else: do it again")
        event = services.ids.new("evt")
        drafted = Draft(
            event, "config_changed", client, actor, client=client, reason=TAUGHT,
            obj={"version": version, "digest": model.digest(), "examples": len(examples)},
        )  # fmt: skip
        entry = append(connection, drafted, now)
        connection.execute(
            insert(class_models).values(
                client=client, version=version, made=instant(now), digest=model.digest(), model=model.as_json(),
                event=event,
            )
        )  # fmt: skip
    return model, measured, entry.seq


def _last(connection: Connection, client: str) -> int:
    query = select(func.max(class_models.c.version)).where(class_models.c.client == client)
    return connection.execute(query).scalar_one() or 0
