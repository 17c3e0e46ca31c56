"""`muniment class`: the record classes there are, and trying one on a file without storing anything."""

from pathlib import Path
from textwrap import fill
from typing import Any

import click

from cli.frame import Frame, _, command
from cli.record import plain_record
from custody import access
from records.catalogue import client_by_name
from records.class_library import ClassLibrary, FieldSpec, RecordClass, parse_class
from records.errors import RecordClassError, UnknownIdError
from tasks import answers
from tasks.class_trial import Trial, try_class
from tasks.taught_classes import decided_examples, file_examples, teach
from tasks.taught_models import newest

commands = click.Group()
COLUMNS = 100


@commands.group("class")
def record_class() -> None:
    """Show record classes and try them."""


@command(record_class, "list")
def list_command(frame: Frame) -> None:
    """List the record classes: shipped ones, and those of the class folder."""
    library = frame.services.library
    found = [_definition(library.classes[name]) for name in sorted(library.classes)]
    frame.answer({"classes": found}, lambda: "\n".join(_plain_head(one) for one in found))


@command(record_class, "show")
@click.argument("name", metavar="K")
def show_command(frame: Frame, name: str) -> None:
    """Show a class: its fields, when each is taken without a person, and what must add up."""
    library = frame.services.library
    if name not in library.classes:
        raise UnknownIdError(f"no class has this name; there are {', '.join(sorted(library.classes))}")
    document = _definition(library.classes[name])
    frame.answer(document, lambda: _plain(document))


@command(record_class, "try")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("name", metavar="K")
@click.option("--client", default="default", show_default=True, help="Client whose taught classes are asked.")
def try_command(frame: Frame, path: Path, name: str, client: str) -> None:
    """Read FILE and describe it as class K (a name, or a class file); nothing is stored."""
    services = frame.services
    library, name = _library(services.library, name)
    with services.database.read() as connection:
        taught = newest(connection, client_by_name(connection, client).id)
    document = _record(try_class(services, path.absolute(), library, name, taught))
    frame.answer(document, lambda: _plain_trial(document))


@command(record_class, "learn")
@click.option("--client", default="default", show_default=True, help="Client whose papers teach.")
@click.option("--examples", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="A folder for each class, named as the class, with papers of it.")  # fmt: skip
def learn_command(frame: Frame, client: str, examples: Path | None) -> None:
    """Learn a client's classes from papers in DIR, and from records whose class a person decided."""
    services = frame.services
    with services.database.read() as connection:
        client_id = client_by_name(connection, client).id
    actor = access.require(
        services.database, services.clock, services.ids, services.person, client_id, "administer", client_id
    )
    found = list(decided_examples(services, client_id))
    found += file_examples(services, examples) if examples is not None else ()
    model, measured, seq = teach(services, client_id, found, actor)
    document: dict[str, Any] = {
        "client": client, "version": model.version, "digest": model.digest(), "event": seq,
        "classes": [{"class": name, "examples": len(model.examples[name])} for name in model.classes],
        "left_out": {
            "documents": measured.documents, "right": measured.right, "unsure": measured.unsure,
            "wrong": measured.wrong,
        },
    }  # fmt: skip
    frame.answer(document, lambda: _plain_taught(document))


def _plain_taught(document: dict[str, Any]) -> str:
    classes = ", ".join(f"{one['class']} {one['examples']}" for one in document["classes"])
    left_out = _("Each example left out once: {right} right, {unsure} unsure, {wrong} wrong of {documents}.")
    return f"{_('version')} {document['version']}: {classes}\n{left_out.format(**document['left_out'])}"


def _library(library: ClassLibrary, name: str) -> tuple[ClassLibrary, str]:
    """Return the library with the class that a file holds, where `name` is one, and the class's name."""
    if not name.endswith(".toml"):
        return library, name
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise RecordClassError(f"{Path(name).name}: cannot be read") from error
    found = parse_class(data, Path(name).name)
    return ClassLibrary({**library.classes, found.name: found}), found.name


def _record(trial: Trial) -> answers.Answer:
    """Return RECORD without what only a stored record has."""
    found = trial.description
    return {
        "id": None, "client": None, "class": found.record_class, "class_confidence": found.class_confidence,
        "class_evidence": list(found.class_evidence), "state": "in_review" if found.review else "described",
        "batch": None, "scan": None,
        "original": {"id": None, "sha256": trial.sha256, "size": trial.size, "media_type": trial.media_type},
        "sources": [], "pages": trial.pages, "language": trial.language, "text_source": trial.text_source,
        "readable": None, "handwriting": list(trial.handwriting),
        "fields": [answers.field_answer(field) for field in found.fields],
        "review": [{"code": r.code, "field": r.field, "message": r.message, "since": None} for r in found.review],
        "file": None,
        "suggested": {
            "class": trial.suggested.record_class.name, "confidence": trial.suggested.confidence,
            "evidence": list(trial.suggested.evidence), "close": trial.suggested.close,
        },
    }  # fmt: skip


def _definition(found: RecordClass) -> answers.Answer:
    return {
        "name": found.name, "version": found.version, "title": dict(found.title),
        "fields": [_field(spec) for spec in found.fields if not spec.evidence],
        "evidence": [spec.name for spec in found.fields if spec.evidence],
        "equations": [equation.text for equation in found.equations], "words": dict(found.words),
        "against": dict(found.against),
    }  # fmt: skip


def _field(spec: FieldSpec) -> answers.Answer:
    return {
        "name": spec.name, "type": spec.type, "cardinality": spec.cardinality, "required": spec.required,
        "threshold": spec.threshold, "risk": spec.risk, "checks": list(spec.checks),
        "choices": sorted(set(spec.choices.values())), "anchors": sorted(spec.anchors),
    }  # fmt: skip


def _plain_head(one: answers.Answer) -> str:
    titles = " / ".join(one["title"][language] for language in ("es", "en") if language in one["title"])
    names = fill(
        " ".join(field["name"] for field in one["fields"]), COLUMNS, initial_indent="    ", subsequent_indent="    "
    )
    return f"{one['name']:<18} {_('version')} {one['version']:<6} {titles}\n{names}"


def _plain(one: answers.Answer) -> str:
    lines = [f"{one['name']}  {_('version')} {one['version']}  {one['title']['es']} / {one['title']['en']}"]
    for field in one["fields"]:
        marks: list[Any] = [_("required")] if field["required"] else []
        marks += [_("repeated")] if field["cardinality"] == "lines" else []
        marks += field["checks"] + field["choices"]
        lines.append(f"  {field['name']:<24} {field['type']:<9} >= {field['threshold']:.2f}  {', '.join(marks)}")
    lines += [f"  {_('must add up')}: {text}" for text in one["equations"]]
    return "\n".join(line.rstrip() for line in lines)


def _plain_trial(document: answers.Answer) -> str:
    shown = {**document, "id": _("not stored"), "original": {**document["original"], "id": "-"}}
    suggested = document["suggested"]
    words = ", ".join(suggested["evidence"])
    line = _("Without a class named: {name}, {confidence:.2f} ({words})").format(
        name=suggested["class"], confidence=suggested["confidence"], words=words
    )
    return f"{plain_record(shown)}\n{line}"
