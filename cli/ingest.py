"""`muniment ingest`: take files and folders into custody, plainly, in this process: no server, no Prefect."""

import os
from pathlib import Path

import click

from cli.frame import Frame, _, command, finish
from cli.progress import counting
from custody import access, lock_assurance
from records.catalogue import batch_counts, client_by_name
from records.errors import UnknownIdError
from tasks import answers, batches, ingest, intake

commands = click.Group()
OK, NONE_TAKEN, PARTLY = 0, 2, 3


@command(commands, "ingest")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--client", default="default", show_default=True, help="Client whose papers these are.")
@click.option("--class", "class_hint", help="Record class, where the sender knows it.")
@click.option("--batch", "batch_name", help="Batch to add to: its id, or a name (opened if there is none).")
@click.option("--expected", type=click.IntRange(min=0), help="How many files the batch should have.")
def ingest_command(
    frame: Frame, paths: tuple[Path, ...], client: str, class_hint: str | None, batch_name: str | None,
    expected: int | None,
) -> None:  # fmt: skip
    """Copy PATHS into custody: seal, store, read, describe, index. Nothing given is moved or changed."""
    services = frame.services
    with services.database.read() as connection:
        client_id = client_by_name(connection, client).id
    actor = access.require(
        services.database, services.clock, services.ids, services.person, client_id, "ingest", client_id
    )
    if class_hint is not None and class_hint not in services.library.classes:
        raise UnknownIdError(f"there is no record class {class_hint}")
    lock_assurance.refuse_pretenders(services.vault)
    batch = batches.find_or_open(services, client_id, batch_name, expected, actor)
    given = intake.Offer(client_id, batch, "ingest", class_hint, actor)
    files = list(intake.files_below(paths))
    with counting(_("Taking in"), len(files)) as step:
        receipt = ingest.ingest_files(services, files, given, progress=lambda _scan: step())
    ingest.close_if_complete(services, batch, batch_name is not None, given)
    _report(frame, receipt, expected)


def _report(frame: Frame, receipt: ingest.IngestReceipt, expected: int | None) -> None:
    with frame.services.database.read() as connection:
        counts = batch_counts(connection, receipt.batch)
        shown = answers.scan_answers(connection, receipt.scans)
    by_outcome = {
        outcome: sum(1 for scan in shown if scan["outcome"] == outcome)
        for outcome in ("accessioned", "duplicate", "refused", "waiting")
    }
    document = {"batch": receipt.batch, "offered": len(shown), **by_outcome, "scans": shown}
    frame.answer(document, lambda: _plain(document))
    if not receipt.indexed:
        frame.hint(_("The index was not brought up to date; 'muniment index status' tells how far it is."))
    taken = by_outcome["accessioned"] + by_outcome["duplicate"]
    short = expected is not None and counts.offered != expected
    if not taken:
        finish(NONE_TAKEN)
    if taken < len(shown) or short or not receipt.indexed:
        finish(PARTLY)


def _plain(document: answers.Answer) -> str:
    lines = []
    for scan in document["scans"]:
        made = " ".join(scan["records"])
        why = f" ({scan['reason']['message']}; {_(scan['reason']['next'])})" if scan["reason"] else ""
        name = os.path.basename(scan["path"])  # noqa: PTH119  the shown path is text, not a path
        lines.append(f"{_(scan['outcome']):<12} {name}  {made}{why}")
    summary = _(
        "{offered} offered: {accessioned} accessioned, {duplicate} duplicate, {refused} refused, {waiting} waiting"
    )
    return "\n".join([*lines, summary.format(**document), f"{_('batch')} {document['batch']}"])
