"""`muniment witness`: the compliance officer's own machine verifies the ledger and cosigns it; exit 0, 1 or 2 only.

What is verified is what `muniment verify ledger` verifies, rules of the leaves included (custody/verification.py), and
that the tree continues the one that was cosigned last: the state, byte for byte. Anybody's saved checkpoint will do to
begin with. The new one is on the disk before the cosignature leaves. Same bytes as C2SP tlog-witness, so that another
witness can join or take over. Reference: custody, section 7.2.
"""

import secrets
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, command, finish
from cli.small_files import read_small, read_text
from cli.verdicts import plain_report
from custody.algorithms import shipped_algorithms
from custody.findings import Report
from custody.ledger_copy import copy_ledger
from custody.ledger_signer import VKEY
from custody.ledger_verdict import Given, verify_folder
from custody.notes import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Note, parse_note
from custody.signing_keys import SEED_SIZE, SigningKey, keep_signing_key, make_signing_key, read_signing_key
from custody.stores.folders import replace_file
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import LedgerFiles, witnessed_path
from infra.children import Children
from infra.clock import SystemClock
from records.errors import ConfigurationError, InvalidValueError, MunimentError

SECONDS = 24 * 3600.0  # wall clock of one verification
CHILD_BYTES = 3 << 30  # address space, most of it libraries: files are streamed
LAST = "the checkpoint that was cosigned last"

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
    given: tuple[Path, Given] | None = None
    files: LedgerFiles = LedgerDirectory(folder.absolute() if folder else Path())
    with report.step("ledger, keys and state can be read"):
        witness = _witness_key(frame, key, name, COSIGNATURE_ML_DSA_44 if ml_dsa else COSIGNATURE_ED25519)
        given = _given(frame, folder, vkey, state)
        files = files if folder else frame.services.ledger_files
    if given is not None:
        with Children(1, CHILD_BYTES) as children:
            verdict = children.run(SECONDS, verify_folder, *given)
        _join(report, verdict.report)
        if verdict.note:
            with report.step("it is remembered, and cosigned"):
                replace_file(state, verdict.note)  # on the disk before the cosignature leaves
                cosigned = _cosigned(verdict.note, witness)
                answer["checkpoint"] = cosigned.decode()
            answer["witnessed"] = _put_back(frame, files, cosigned, witness)
    frame.answer(
        {**report.answer(), **answer}, lambda: "\n".join(filter(None, (plain_report(report), answer["checkpoint"])))
    )
    finish(report.exit_code)


def _given(frame: Frame, folder: Path | None, vkey: Path | None, state: Path) -> tuple[Path, Given]:
    """Return the folder, and what is given beside it; without --dir they are of this installation."""
    if (folder is None) != (vkey is None):
        raise InvalidValueError("--dir and --vkey belong together")
    if folder is None or vkey is None:
        services = frame.services
        if services.ledger_files.locks:
            copy_ledger(services.ledger_files, LedgerDirectory(services.places.ledger))
        folder, vkey = services.places.ledger, services.places.signer / VKEY
    saved = {LAST: read_small(state)} if state.exists() else {}
    given = Given(SystemClock().now(), shipped_algorithms(), vkeys=read_text(vkey), saved=saved)
    return folder.absolute(), given


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
