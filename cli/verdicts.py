"""How every check answers: its numbered steps and problems, one verdict, and exit code 0, 1 or 2."""

from typing import NoReturn

from cli.frame import Frame, _, finish
from custody.findings import Report


def answer_report(frame: Frame, report: Report) -> NoReturn:
    """Print a check's report and end with its exit code."""
    frame.answer(report.answer(), lambda: plain_report(report))
    finish(report.exit_code)


def plain_report(report: Report) -> str:
    """Return a report as people read it."""
    lines = [
        f"{s['step']:>3}. {_(s['name']):<44} {_(s['outcome'])}  {s['detail'] or ''}".rstrip() for s in report.steps
    ]
    lines += [
        f"     {p.kind}: {p.object} {_('expected')} {p.expected}, {_('found')} {p.found}" for p in report.problems
    ]
    lines += [f"     {_(kind)}: {name}" for kind, names in report.notes.items() for name in names]
    return "\n".join([*lines, _("Verdict: {verdict}").format(verdict=_(report.verdict))])
