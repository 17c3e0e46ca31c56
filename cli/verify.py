"""`muniment verify`: what outsiders can check for themselves, offline; exit 0, 1 or 2 only."""

from pathlib import Path

import click

from cli import ledger_verdicts
from cli.frame import Frame, command
from cli.small_files import read_small, read_text
from cli.verdicts import answer_report
from custody.algorithms import parse_algorithms, shipped_algorithms
from custody.findings import Report
from custody.packages.verification import Given, verify_package
from infra.children import Children
from infra.clock import SystemClock

SECONDS = 24 * 3600.0  # wall clock of one verification: a package of many gigabytes is hashed whole
CHILD_BYTES = 3 << 30  # address space, most of it libraries: files are streamed

commands = click.Group()
existing = click.Path(path_type=Path)


@commands.group("verify")
def verify() -> None:
    """Verify the ledger, originals and evidence packages."""


@command(verify, "ledger")
@click.option("--dir", "folder", type=existing, help="Folder of the published ledger; no home is touched then.")
@click.option("--vkey", type=existing, help="File of the log's key, got by another way than the ledger.")
@click.option("--policy", type=existing, help="File that says which witnesses must have cosigned.")
@click.option("--tsa-roots", type=existing, help="File (PEM) of the roots of the time stamps, got by another way.")
@click.option("--tsa-policy", metavar="OID", help="Policy that the time stamps must state.")
@click.option("--checkpoint", type=existing, help="File of a checkpoint you saved: the ledger must continue it.")
@click.option("--state", type=existing, help="File that keeps the newest checkpoint that held, from run to run.")
@click.option("--algorithms", type=existing, help="File of algorithms and their last days.")
def ledger_command(
    frame: Frame,
    folder: Path | None,
    vkey: Path | None,
    policy: Path | None,
    tsa_roots: Path | None,
    tsa_policy: str | None,
    checkpoint: Path | None,
    state: Path | None,
    algorithms: Path | None,
) -> None:
    """Verify the published ledger, entry by entry; with --dir offline, from files alone."""
    asked = ledger_verdicts.Asked(folder, vkey, policy, tsa_roots, tsa_policy, checkpoint, state, algorithms)
    answer_report(frame, ledger_verdicts.ledger(frame, asked))


@command(verify, "originals")
@click.option("--sample", metavar="P", help="So many percent of them, chosen at random.")
@click.option("--part", metavar="N/T", help="Part N of T: after T runs every original was read.")
@click.option("--all", "whole", is_flag=True, help="All of them; so also where nothing is said.")
def originals_command(frame: Frame, sample: str | None, part: str | None, whole: bool) -> None:
    """Verify the ledger, and read sealed originals from the store: version, size, digest and lock as it says."""
    answer_report(frame, ledger_verdicts.originals(frame, ledger_verdicts.chosen(sample, part, whole)))


@command(verify, "all")
def all_command(frame: Frame) -> None:
    """Verify the ledger, the database beside it, and every original."""
    answer_report(frame, ledger_verdicts.originals(frame, ledger_verdicts.chosen(None, None, True)))


@command(verify, "package")
@click.argument("folder", metavar="DIR", type=existing)
@click.option("--vkey", type=existing, help="File of the log's key, got by another way than the package.")
@click.option("--policy", type=existing, help="File that says which witnesses must have cosigned.")
@click.option("--tsa-roots", type=existing, help="File (PEM) of the roots of the time stamps, got by another way.")
@click.option("--tsa-policy", metavar="OID", help="Policy that the time stamps must state.")
@click.option("--dir", "ledger", type=existing, help="Folder of the published ledger: was an event left out?")
@click.option("--identity", type=existing, help="File of the age identity that opens an encrypted package.")
@click.option("--algorithms", type=existing, help="File of algorithms and their last days.")
def package_command(
    frame: Frame,
    folder: Path,
    vkey: Path | None,
    policy: Path | None,
    tsa_roots: Path | None,
    tsa_policy: str | None,
    ledger: Path | None,
    identity: Path | None,
    algorithms: Path | None,
) -> None:
    """Verify an evidence package, offline; no home, setting or database is touched."""
    report = Report()
    with report.step("what is given beside the package can be read"):
        inventory = shipped_algorithms() if algorithms is None else parse_algorithms(read_text(algorithms))
        given = Given(
            SystemClock().now(), inventory,
            vkey=None if vkey is None else read_text(vkey),
            policy=None if policy is None else read_small(policy),
            roots=None if tsa_roots is None else read_small(tsa_roots),
            tsa_policy=tsa_policy,
            identity=None if identity is None else read_text(identity),
            ledger=None if ledger is None else ledger.absolute(),
        )  # fmt: skip
        report = _in_a_child(folder.absolute(), given)
    answer_report(frame, report)


def _in_a_child(folder: Path, given: Given) -> Report:
    """Verify in a limited child: a package is what strangers wrote."""
    with Children(1, CHILD_BYTES) as children:
        return children.run(SECONDS, verify_package, folder, given)
