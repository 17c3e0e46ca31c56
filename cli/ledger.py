"""`muniment ledger`: publish the custody ledger, show it, prove an event, and say where outsiders find it."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, _, command
from custody import access, ledger
from custody.handover import check_target, hand_over
from custody.ledger_copy import copy_ledger
from custody.ledger_signer import VKEY
from custody.publishing import Published
from custody.stores.ledger_directory import LedgerDirectory
from custody.tables import events
from custody.timestamps import file_digest
from records.catalogue import resolve
from records.errors import UnknownIdError
from records.ids import instant
from tasks import answers, publishing, timestamping

commands = click.Group()


@commands.group("ledger")
def ledger_group() -> None:
    """Publish the custody ledger, show it, and prove what is in it."""


@command(ledger_group, "publish")
@click.option("--whole", is_flag=True, help="Write again whatever published file is missing, from the events.")
def publish_command(frame: Frame, whole: bool) -> None:
    """Publish every event up to now under a signed checkpoint, which stays."""
    _allowed(frame, "check")
    done = (publishing.publish_whole if whole else publishing.publish)(frame.services)
    _answer(frame, done, {})


@command(ledger_group, "show")
@click.option("--from", "first", type=click.IntRange(min=0), default=0, help="Number of the first event.")
@click.option("--to", "last", type=click.IntRange(min=0), help="Number of the last event.")
def show_command(frame: Frame, first: int, last: int | None) -> None:
    """Show events in their order, by their numbers."""
    _allowed(frame, "check")
    with frame.services.database.read() as connection:
        found = [
            answers.event_answer(entry, _record(entry))
            for entry in ledger.entries(connection, first, None if last is None else last + 1)
        ]
    frame.answer({"events": found}, lambda: "\n".join(_line(event) for event in found))


@command(ledger_group, "proof")
@click.argument("id")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="File to write the proof to.")
def proof_command(frame: Frame, id: str, target: Path) -> None:
    """Prove to outsiders that an event is in the ledger: ID of an event, or of what it is about (its newest event)."""
    _allowed(frame, "check")
    services = frame.services
    with services.database.read() as connection:
        event = _event(frame, id)
        entry = ledger.find(connection, event)
    check_target(target)
    proof = publishing.prove(services, event)
    digest, size = hand_over([proof.data], target)
    document = {
        "event": event, "seq": proof.index, "leaf_hash": entry.leaf_hash if entry else None, "to": str(target),
        "bytes": size, "sha256": digest, "checkpoint_sha256": sha256(proof.checkpoint).hexdigest(),
    }  # fmt: skip
    frame.answer(document, lambda: _("Event {seq} ({event}) is proved by {to}.").format(**document))


@command(ledger_group, "path")
def path_command(frame: Frame) -> None:
    """Say where the published files and the verifier key's file are; a copy where the ledger lies in a bucket."""
    _allowed(frame, "check")
    services = frame.services
    services.signing.public_keys()  # makes the key's file at first use
    folder = services.places.ledger
    if services.ledger_files.locks:
        copy_ledger(services.ledger_files, LedgerDirectory(folder))
    document = {"folder": str(folder), "vkey": str(services.places.signer / VKEY)}
    frame.answer(document, lambda: "\n".join(document.values()))


@command(ledger_group, "timestamp")
def timestamp_command(frame: Frame) -> None:
    """Have the newest checkpoint stamped by the time-stamping authority, and renew stamps that end soon."""
    _allowed(frame, "check")
    services = frame.services
    done = timestamping.stamp(services)
    if done is None:
        frame.answer({"size": None, "time": None, "renewed": []}, _("No time-stamping authority is named: 'tsa_url'."))
        return
    looked = timestamping.renew(services)
    document = {
        "size": done.size, "time": instant(done.stamp.made), "policy": done.stamp.policy,
        "good_until": instant(done.good_until), "qualified": bool(services.stamping and services.stamping.qualified),
        "sha256": file_digest(done.tokens[-1]), "renewed": list(looked.renewed), "ended": list(looked.ended),
        "failing": list(looked.failing),
    }  # fmt: skip
    frame.answer(
        document, lambda: _("Checkpoint {size} is stamped: {time}, good until {good_until}.").format(**document)
    )


@command(ledger_group, "rotate-key")
def rotate_command(frame: Frame) -> None:
    """Make a new signing key and announce it under the old one; both sign from now on."""
    _allowed(frame, "keep_keys")
    key, done = publishing.rotate_key(frame.services)
    _answer(frame, done, {"vkey": key.vkey})
    frame.hint(_("Give the new key to whoever verifies; 'muniment ledger retire-key' ends the old one, in a quarter."))


@command(ledger_group, "retire-key")
def retire_command(frame: Frame) -> None:
    """End a rotation: the new key signs alone, and the old private key is destroyed."""
    _allowed(frame, "keep_keys")
    key, done = publishing.retire_key(frame.services)
    _answer(frame, done, {"vkey": key.vkey})


def _answer(frame: Frame, done: Published, more: dict[str, Any]) -> None:
    document = {
        "origin": done.origin, "size": done.size, "root": done.root.hex(), "checkpoint": done.checkpoint.decode(),
        **more,
    }  # fmt: skip
    frame.answer(document, lambda: "\n".join([*more.values(), done.checkpoint.decode().rstrip("\n")]))


def _allowed(frame: Frame, action: str) -> None:
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, action)


def _event(frame: Frame, start: str) -> str:
    """Return the id of the event that is meant."""
    with frame.services.database.read() as connection:
        if start.startswith("evt_"):
            return resolve(connection, events, start)
        found = ledger.of_subjects(connection, [start])
    if not found:
        raise UnknownIdError("no event has this id, and none is about it")
    return found[-1].id


def _record(entry: ledger.Entry) -> str | None:
    subject = str(entry.event["subject"])
    return subject if subject.startswith("rec_") else None


def _line(event: dict[str, Any]) -> str:
    moved = f" {event['from'] or '-'} > {event['to']}" if event["to"] else ""
    reason = f" ({event['reason']})" if event["reason"] else ""
    return f"{event['seq']:>8}  {event['time']}  {event['subject']}  {_(event['summary'])}{moved}{reason}"
