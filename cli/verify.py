"""`muniment verify`: what outsiders can check for themselves, offline; exit 0, 1 or 2 only."""

from pathlib import Path

import click

from cli.frame import Frame, command
from cli.verdicts import answer_report
from custody.algorithms import parse_algorithms, shipped_algorithms
from custody.findings import Report
from custody.packages.verification import Given, verify_package
from infra.children import Children
from infra.clock import SystemClock
from records.errors import InvalidValueError

SECONDS = 24 * 3600.0  # wall clock of one verification: a package of many gigabytes is hashed whole
CHILD_BYTES = 3 << 30  # address space, most of it libraries: files are streamed
SMALL = 1 << 20  # bytes of a file that is given beside the package

commands = click.Group()
existing = click.Path(path_type=Path)


@commands.group("verify")
def verify() -> None:
    """Verify the ledger, originals and evidence packages."""


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
        inventory = shipped_algorithms() if algorithms is None else parse_algorithms(_text(algorithms))
        given = Given(
            SystemClock().now(), inventory,
            vkey=None if vkey is None else _text(vkey),
            policy=None if policy is None else _read(policy),
            roots=None if tsa_roots is None else _read(tsa_roots),
            tsa_policy=tsa_policy,
            identity=None if identity is None else _text(identity),
            ledger=None if ledger is None else ledger.absolute(),
        )  # fmt: skip
        report = _in_a_child(folder.absolute(), given)
    answer_report(frame, report)


def _in_a_child(folder: Path, given: Given) -> Report:
    """Verify in a limited child: a package is what strangers wrote."""
    with Children(1, CHILD_BYTES) as children:
        return children.run(SECONDS, verify_package, folder, given)


def _text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{path.name} is no text") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(SMALL + 1)
    except OSError as error:
        raise InvalidValueError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > SMALL:
        raise InvalidValueError(f"{path.name} is larger than such a file can be")
    return data
