"""`muniment index`: how the search index compares with the catalogue, and making it anew."""

from dataclasses import asdict

import click

from cli.frame import Frame, _, command
from cli.progress import counting
from custody.access import require_role
from tasks import answers, indexing

commands = click.Group()


@commands.group("index")
def index() -> None:
    """Compare the search index with the catalogue, and make it anew."""


@command(index, "status")
def status_command(frame: Frame) -> None:
    """Compare the index with the catalogue, record by record."""
    document = asdict(indexing.status(frame.services))
    frame.answer(document, lambda: _plain(document))


@command(index, "rebuild")
def rebuild_command(frame: Frame) -> None:
    """Make the index anew from the catalogue and the sealed words; searches work meanwhile."""
    services = frame.services
    require_role(services.person, "check")
    with counting(_("Making the index anew"), 1) as step:
        indexing.rebuild(services)
        step()
    document = asdict(indexing.status(services))
    frame.answer(document, lambda: _plain(document))


def _plain(document: answers.Answer) -> str:
    verdict = _("equal to the catalogue") if document["equal"] else _("not equal to the catalogue")
    lines = [
        f"{document['engine']}, {_('mapping')} {document['version']}: {verdict}",
        f"  {_('pages in the catalogue')}  {document['catalogue_pages']}",
        f"  {_('pages in the index')}      {document['indexed_pages']}",
        f"  {_('pending')}                 {document['pending']}",
    ]
    if document["pending"]:
        lines.append(_("What is pending follows with the next command that takes something in."))
    elif not document["equal"]:
        lines.append(_("'muniment index rebuild' makes it anew."))
    return "\n".join(lines)
