"""`muniment review case`: what the documents of a case say together, each side of a contradiction with its picture."""

from collections.abc import Mapping
from pathlib import Path

import click

from cli.frame import Frame, _, command, finish
from cli.review_options import filters_of, require_review, resolve_record, with_snippets
from records.case_files import CaseOutcome, Statement
from records.errors import InvalidValueError
from tasks import answers
from tasks.ingest import bring_up_to_date
from tasks.review import case_files, deciding, seeing
from tasks.review.seeing import Step

EXITS = {"consistent": 0, "incomplete": 3, "review": 1, "blocked": 1}


def add_to(group: click.Group) -> None:
    """Add the command to `muniment review`."""
    command(group, "case")(case_command)


@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--file", "paper", metavar="B", help="The records bound to papers of this barcode or case number.")
@click.option("--require", "required", multiple=True, metavar="CLASS", help="A class that the case must have.")
@click.option("--hold", is_flag=True, help="Let what contradicts itself wait for a person, on every document.")
@with_snippets
def case_command(
    frame: Frame, ids: tuple[str, ...], paper: str | None, required: tuple[str, ...], hold: bool,
    snippets: Path | None,
) -> None:  # fmt: skip
    """Compare the documents of one case: the same fact must read the same in each."""
    services = frame.services
    for name in required:
        services.library.get(name)
    named = [resolve_record(frame, id) for id in ids]
    if paper is not None:
        named += case_files.records_of_file(services, sorted(filters_of(frame, None, None, None)[0]), paper)
    wanted = list(dict.fromkeys(named))
    if len(wanted) < 2:
        raise InvalidValueError("a case has two documents at least: name records, or a paper with --file")
    actors = {record: require_review(frame, record) for record in wanted}
    entries = {record: deciding.look(services, record, actor) for record, actor in actors.items()}
    outcome, classes = case_files.check_case(services, wanted, required)
    held = case_files.hold_case(services, outcome, actors) if hold else []
    pictures: dict[tuple[str, str], Path | None] = {}
    for record, entry in entries.items():
        steps = [_step(one) for found in outcome.contradictions for one in found.statements if one.record == record]
        for step in seeing.see_blind(services, record, steps, entry, actors[record], snippets):
            pictures[record, step.name] = step.snippet
    document = _document(outcome, classes, pictures) | {"held": held}
    frame.answer(document, lambda: _plain(document))
    if held and not bring_up_to_date(services):
        frame.hint(_("The index was not brought up to date; 'muniment index status' tells how far it is."))
    if EXITS[outcome.state]:
        finish(EXITS[outcome.state])


def _step(one: Statement) -> Step:
    return Step(one.field.name, None, None, None, 0.0, "review", (), page=one.field.page, box=one.field.box)


def _document(
    outcome: CaseOutcome, classes: Mapping[str, str], pictures: Mapping[tuple[str, str], Path | None]
) -> answers.Answer:
    def said(one: Statement) -> answers.Answer:
        field, snippet = one.field, pictures.get((one.record, one.field.name))
        return {
            "record": one.record, "class": classes[one.record], "field": field.name, "value": field.value,
            "method": field.method, "page": field.page, "box": None if field.box is None else list(field.box),
            "snippet": None if snippet is None else str(snippet),
        }  # fmt: skip

    return {
        "state": outcome.state, "records": [{"record": record, "class": name} for record, name in classes.items()],
        "missing": list(outcome.missing),
        "contradictions": [
            {"fact": found.fact, "blocks": found.blocks, "statements": [said(one) for one in found.statements]}
            for found in outcome.contradictions
        ],
    }  # fmt: skip


def _plain(document: answers.Answer) -> str:
    said = {
        "consistent": _("the documents agree"), "incomplete": _("a document is missing"),
        "review": _("the documents differ"), "blocked": _("the documents contradict each other: the case is blocked"),
    }  # fmt: skip
    lines = [said[document["state"]], *(f"  {_('missing')}: {name}" for name in document["missing"])]
    for found in document["contradictions"]:
        lines.append(f"  {found['fact']}")
        for one in found["statements"]:
            line = f"    {one['record']}  {one['class']:<12} {one['field']} = {one['value']}  {one['snippet'] or ''}"
            lines.append(line.rstrip())
    return "\n".join(lines)
