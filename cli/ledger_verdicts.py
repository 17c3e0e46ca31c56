"""What `muniment verify ledger|originals|all` ask for, and the report that answers; `cli.verify` has the commands."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import click

from cli.frame import Frame, _
from cli.progress import counting
from cli.small_files import read_small, read_text
from custody import access
from custody.algorithms import parse_algorithms, shipped_algorithms
from custody.findings import HOLDS, Report
from custody.ledger_verdict import Given, trust_of, verify_folder
from custody.stores.folders import replace_file
from custody.verification import StampCheck, Trust, Verified
from infra.children import Children
from infra.clock import SystemClock
from tasks.verifying import Choose, part_of, verify_own

SECONDS = 24 * 3600.0  # wall clock of one verification
CHILD_BYTES = 3 << 30  # address space, most of it libraries: files are streamed


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `verify ledger`."""

    folder: Path | None
    vkey: Path | None
    policy: Path | None
    tsa_roots: Path | None
    tsa_policy: str | None
    checkpoint: Path | None
    state: Path | None
    algorithms: Path | None


def ledger(frame: Frame, asked: Asked) -> Report:
    """Verify the ledger that is asked for; keep its checkpoint in the state file where everything holds."""
    report = Report()
    with report.step("what is given beside the ledger can be read"):
        given = _given(asked)
        if asked.folder is None:
            verified = _own(frame, given)
            report, note = verified.report, verified.note
        else:
            with Children(1, CHILD_BYTES) as children:  # a folder is what strangers wrote
                verdict = children.run(SECONDS, verify_folder, asked.folder.absolute(), given)
            report, note = verdict.report, verdict.note
        if asked.state is not None and note and report.verdict == HOLDS:
            replace_file(asked.state, note)
    return report


def originals(frame: Frame, choose: Choose) -> Report:
    """Verify the own ledger and the originals that are chosen."""
    report = Report()
    with report.step("the installation can be asked"):
        _allowed(frame)
        with counting(_("Checking originals"), 0) as step:
            report = verify_own(frame.services, Trust((), stamps=_stamps(frame)), choose, step).report
    return report


def chosen(sample: str | None, part: str | None, whole: bool) -> Choose:
    """Return which originals the options mean.

    Raises:
        UsageError: more than one of them, or another form; a verdict's exit codes know only 2 for it.
    """
    if sum((sample is not None, part is not None, whole)) > 1:
        raise click.UsageError("give one of --sample, --part and --all")
    if sample is not None:
        percent = _number(sample.removesuffix("%"), 100)
        return lambda ids: random.SystemRandom().sample(ids, -(-len(ids) * percent // 100))
    if part is not None:
        number, _slash, total = part.partition("/")
        return part_of(_number(number, _number(total, 10**6)), int(total))
    return list


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise click.UsageError(f"a whole number from 1 to {most} is asked for")
    return int(text)


def _own(frame: Frame, given: Given) -> Verified:
    _allowed(frame)
    trust = trust_of(given)
    return verify_own(frame.services, trust if trust.stamps else replace(trust, stamps=_stamps(frame)), None)


def _stamps(frame: Frame) -> StampCheck | None:
    services = frame.services
    if services.stamping is None:
        return None
    from custody.stamp_check import TokenCheck

    return TokenCheck(services.stamping.trust, services.algorithms, services.clock.now())


def _allowed(frame: Frame) -> None:
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "check")


def _given(asked: Asked) -> Given:
    saved = {}
    if asked.checkpoint is not None:
        saved["the saved checkpoint"] = read_small(asked.checkpoint)
    if asked.state is not None and asked.state.exists():
        saved["the state"] = read_small(asked.state)
    return Given(
        SystemClock().now(),
        shipped_algorithms() if asked.algorithms is None else parse_algorithms(read_text(asked.algorithms)),
        vkeys=None if asked.vkey is None else read_text(asked.vkey),
        policy=None if asked.policy is None else read_small(asked.policy),
        roots=None if asked.tsa_roots is None else read_small(asked.tsa_roots),
        tsa_policy=asked.tsa_policy,
        saved=saved,
    )
