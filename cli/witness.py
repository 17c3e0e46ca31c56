"""`muniment witness`: the compliance officer's own machine verifies the ledger and cosigns it; exit 0, 1 or 2 only."""

import secrets
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, command, finish
from cli.verdicts import plain_report
from custody.findings import Report
from custody.ledger_copy import copy_ledger
from custody.ledger_signer import VKEY
from custody.notes import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Note, parse_note
from custody.signing_keys import SEED_SIZE, SigningKey, keep_signing_key, make_signing_key, read_signing_key
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import LedgerFiles, witnessed_path
from custody.witnessing import examine, read_state, write_state
from infra.children import Children
from infra.clock import SystemClock
from records.errors import ConfigurationError, InvalidValueError, MunimentError

SECONDS = 24 * 3600.0  # wall clock of one verification
CHILD_BYTES = 3 << 30  # address space, most of it libraries: files are streamed
SMALL = 1 << 16  # bytes of a key's file

commands = click.Group()
some_file = click.Path(path_type=Path, dir_okay=False)


@command(commands, "witness")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Folder of the ledger, or of a copy of it.")
@click.option("--vkey", type=some_file, help="File of the log's key, got by another way than the ledger.")
@click.option("--state", required=True, type=some_file, help="File that remembers what was cosigned last.")
@click.option("--key", required=True, type=some_file, help="File of the witness's own key; made at first use.")
@click.option("--name", metavar="NAME", help="Name of the witness, for a key that is made now: a URL without scheme.")
@click.option("--ml-dsa", is_flag=True, help="Make a post-quantum key (ML-DSA-44) instead of Ed25519.")
def witness_command(
    frame: Frame, folder: Path | None, vkey: Path | None, state: Path, key: Path, name: str | None, ml_dsa: bool
) -> None:
    """Verify the ledger, compare it with what was cosigned before, and cosign its checkpoint."""
    report = Report()
    answer: dict[str, Any] = {"checkpoint": None, "witnessed": None}
    given: tuple[Path, str, bytes | None] | None = None
    files: LedgerFiles = LedgerDirectory(folder.absolute() if folder else Path())
    with report.step("ledger, keys and state can be read"):
        witness = _witness_key(frame, key, name, COSIGNATURE_ML_DSA_44 if ml_dsa else COSIGNATURE_ED25519)
        given = (*_ledger(frame, folder, vkey), read_state(state))
        files = files if folder else frame.services.ledger_files
    if given is not None:
        with Children(1, CHILD_BYTES) as children:
            examined = children.run(SECONDS, examine, *given)
        _join(report, examined.report)
        if examined.note is not None:
            with report.step("it is remembered, and cosigned"):
                write_state(state, examined.note)  # on the disk before the cosignature leaves
                cosigned = _cosigned(examined.note, witness)
                answer["checkpoint"] = cosigned.decode()
            answer["witnessed"] = _put_back(frame, files, cosigned, witness)
    frame.answer(
        {**report.answer(), **answer}, lambda: "\n".join(filter(None, (plain_report(report), answer["checkpoint"])))
    )
    finish(report.exit_code)


def _ledger(frame: Frame, folder: Path | None, vkey: Path | None) -> tuple[Path, str]:
    """Return the folder and the log's key; without --dir those of this installation."""
    if (folder is None) != (vkey is None):
        raise InvalidValueError("--dir and --vkey belong together")
    if folder is not None and vkey is not None:
        return folder.absolute(), _text(vkey)
    services = frame.services
    if services.ledger_files.locks:
        copy_ledger(services.ledger_files, LedgerDirectory(services.places.ledger))
    return services.places.ledger, _text(services.places.signer / VKEY)


def _witness_key(frame: Frame, path: Path, name: str | None, kind: int) -> SigningKey:
    if not path.exists():
        made = make_signing_key(name or f"witness/{secrets.token_hex(8)}", kind, secrets.token_bytes(SEED_SIZE))
        keep_signing_key(path, made)
        frame.hint(made.key.vkey)
    found = read_signing_key(path)
    if found.kind not in (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44):
        raise ConfigurationError("this is no witness's key")
    public = path.with_name(path.name + ".vkey")
    if not public.exists():
        public.write_text(found.key.vkey + "\n", encoding="utf-8")
    return found


def _cosigned(note: bytes, witness: SigningKey) -> bytes:
    parsed = parse_note(note)
    others = tuple(one for one in parsed.signatures if (one.name, one.key_id) != (witness.name, witness.key.key_id))
    line = witness.cosign(parsed.text, int(SystemClock().now().timestamp()))
    return Note(parsed.text, (*others, line)).data


def _put_back(frame: Frame, files: LedgerFiles, cosigned: bytes, witness: SigningKey) -> str | None:
    """Put the cosigned checkpoint back where that may be done; else say that it was only printed."""
    path = witnessed_path(int(parse_note(cosigned).text.split("\n")[1]), witness.key)
    try:
        if not files.is_made():
            files.make()
        files.replace(path, cosigned)
    except MunimentError as error:
        frame.hint(f"{path}: {error}")
        return None
    return path


def _join(report: Report, other: Report) -> None:
    for step in other.steps:
        report.steps.append({**step, "step": len(report.steps) + 1})
    report.problems += other.problems
    report.checked = other.checked


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(SMALL).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({type(error).__name__})") from error
