"""`muniment keys`: vault key epochs, their escrow, and the key of one document. No key is ever shown on the screen."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, Row, func, select

from cli.frame import Frame, _, command, finish
from cli.original import allowed_original
from cli.progress import counting
from cli.reasons import parse_reason
from custody import access, escrow, rotation
from custody.envelopes import release_key
from custody.keys import THRESHOLD
from custody.ledger import Actor
from custody.opening import Act
from custody.tables import key_envelopes, vault_keys
from custody.vault_keys import epochs, state_of
from records.catalogue import client_by_name, resolve
from records.errors import EnvelopeError, InvalidValueError, KeyInUseError
from records.tables import persons
from tasks import answers

commands = click.Group()
PARTLY = 3
client_option = click.option("--client", default="default", show_default=True, help="Whose keys.")


@commands.group("keys")
def keys() -> None:
    """Make, renew and destroy vault keys; hand over the key of one document."""


@command(keys, "init")
@client_option
def init_command(frame: Frame, client: str) -> None:
    """Make the first vault key of a client, with its escrow; where there is one already, show it."""
    found, actor = _allowed(frame, client, "keep_keys")
    with frame.services.database.read() as connection:
        made = not epochs(connection, found.id)
    if made:
        rotation.rotate(frame.services.vault, found.id, actor)
    document = {"client": found.name, "made": made, "keys": _keys(frame, found)}
    frame.answer(document, lambda: _plain(document["keys"]))


@command(keys, "list")
@client_option
def list_command(frame: Frame, client: str) -> None:
    """List the epochs of a client's vault key, and how many envelopes need each."""
    found, _actor = _allowed(frame, client, "see_keys")
    rows = _keys(frame, found)
    frame.answer({"client": found.name, "keys": rows}, lambda: _plain(rows))


@command(keys, "rotate")
@client_option
def rotate_command(frame: Frame, client: str) -> None:
    """Begin a new epoch and wrap every envelope to it; a rotation that was ended is finished instead."""
    services = frame.services
    found, actor = _allowed(frame, client, "keep_keys")
    with counting(_("Wrapping envelopes"), _envelopes(frame, found.id)) as step:
        done = rotation.rotate(services.vault, found.id, actor, _each(step))
    document = {
        "client": found.name, "key": done.key.id, "epoch": done.key.epoch, "resumed": done.resumed,
        "rewrapped": done.rewrapped, "retired": list(done.retired), "left": list(done.left),
        "file": services.vault.keyring.place(done.key.id), "escrow": str(services.places.escrow / done.key.id),
    }  # fmt: skip
    frame.answer(
        document,
        _("Epoch {epoch} ({key}): {rewrapped} envelopes wrapped anew.").format(**document)
        + "".join("\n" + _("Retired: {key}").format(key=key) for key in done.retired)
        + "".join("\n" + _("Does not open and stays as it is: {original}").format(original=one) for one in done.left),
    )
    frame.hint(_("Give the escrow shares ({escrow}) to three people, and back up now.").format(**document))
    if done.left:
        finish(PARTLY)


@command(keys, "escrow")
@client_option
@click.option("--key", metavar="KEY", help="Which epoch; else the one in use.")
@click.option(
    "--check", "files", nargs=2, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="SHARE SHARE",
    help="Prove that two share files give the escrow key that the catalogue names.",
)  # fmt: skip
@click.option("--moved", type=click.IntRange(min=1), metavar="N", help="Share N is with --holder from now on.")
@click.option("--holder", metavar="PERSON", help="Who has the share.")
@click.option("--destroyed", type=click.IntRange(min=1), metavar="N", help="Share N was destroyed by its custodian.")
def escrow_command(
    frame: Frame, client: str, key: str | None, files: tuple[Path, Path] | None, moved: int | None,
    holder: str | None, destroyed: int | None,
) -> None:  # fmt: skip
    """Show where escrow shares are, record who has one, or prove that two of them still open."""
    vault = frame.services.vault
    changes = files is not None or moved is not None or destroyed is not None
    found, actor = _allowed(frame, client, "keep_keys" if changes else "see_keys")
    if (moved is None) != (holder is None):
        raise InvalidValueError("--moved N and --holder PERSON belong together")
    checked = None
    if files is not None:
        checked = escrow.check_shares(vault, found.id, [_words(file) for file in files], actor)
    with frame.services.database.read() as connection:
        chosen = _epoch(connection, found.id, checked or key)
        person = None if holder is None else _pseudonym(connection, holder)
    if moved is not None and person is not None:
        escrow.note_moved(vault, chosen, found.id, moved, person, actor)
    if destroyed is not None:
        escrow.note_destroyed(vault, chosen, found.id, destroyed, actor)
    rows = _keys(frame, found)
    document = {"client": found.name, "checked": checked, "keys": rows}
    frame.answer(document, lambda: _plain_escrow(rows, checked))


@command(keys, "destroy")
@click.argument("key")
@click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
@click.option("--now", is_flag=True, help="Also where backups of before the rotation may still need it.")
def destroy_command(frame: Frame, key: str, reason: str, now: bool) -> None:
    """Destroy a retired epoch that no envelope needs; backups of before the rotation then open nothing."""
    services = frame.services
    code, words = parse_reason(reason)
    with services.database.read() as connection:
        found = resolve(connection, vault_keys, key)
        row = connection.execute(select(vault_keys).where(vault_keys.c.id == found)).one()
        client = client_by_name(connection, row.client)
    actor = access.require(
        services.database, services.clock, services.ids, services.person, client.id, "keep_keys", found
    )
    days = services.vault.backup_days
    if days is None and not now:
        raise KeyInUseError(f"{found}: how long backups live is not set (backup_days); --now destroys it all the same")
    act = Act("key_destroyed", actor, code, words)
    rotation.destroy_epoch(services.vault, found, act, None if now else timedelta(days=days or 0))
    rows = [one for one in _keys(frame, client) if one["id"] == found]
    frame.answer(rows[0], lambda: _plain_escrow(rows, None))


@command(keys, "release")
@click.argument("id", metavar="ORIGINAL")
@click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
def release_command(frame: Frame, id: str, reason: str, target: Path) -> None:
    """Write the key of one document to a file for `age -d -i`; docs/custody-keys.md has the commands."""
    code, words = parse_reason(reason)
    found, actor = allowed_original(frame, id, "release_key")
    released = release_key(frame.services.vault, found, Act("key_released", actor, code, words), target.absolute())
    document = {
        "original": found, "to": str(target), "bucket": released.bucket, "object": released.object_key,
        "version": released.object_version, "event": released.seq,
    }  # fmt: skip
    frame.answer(document, lambda: _plain_released(document))


def _allowed(frame: Frame, client: str, action: str) -> tuple[Row[Any], Actor]:
    services = frame.services
    with services.database.read() as connection:
        row = client_by_name(connection, client)
    return row, access.require(services.database, services.clock, services.ids, services.person, row.id, action, row.id)


def _keys(frame: Frame, client: Row[Any]) -> list[answers.Answer]:
    """Return a client's epochs as answers show them: public halves, states, and where secret halves lie."""
    vault = frame.services.vault
    with frame.services.database.read() as connection:
        counted: dict[str, int] = {
            key: count
            for key, count in connection.execute(
                select(key_envelopes.c.vault_key, func.count()).group_by(key_envelopes.c.vault_key)
            )
        }
        names: dict[str, str] = {
            pseudonym: name for pseudonym, name in connection.execute(select(persons.c.pseudonym, persons.c.name))
        }
        return [
            {
                "id": row.id, "client": client.name, "epoch": row.epoch, "state": state_of(row),
                "recipient": row.recipient, "escrow_recipient": row.escrow_recipient, "created": row.created,
                "retired": row.retired, "destroyed": row.destroyed, "envelopes": counted.get(row.id, 0),
                "file": vault.keyring.place(row.id), "here": vault.keyring.holds(row.id),
                "escrow": _escrow(escrow.escrow_of(vault, connection, row.id), names),
            }
            for row in epochs(connection, client.id)
        ]  # fmt: skip


def _escrow(found: escrow.Escrow, names: dict[str, str]) -> answers.Answer:
    return {
        "needed": THRESHOLD, "recoverable": found.recoverable, "checked": found.checked,
        "shares": [
            {
                "share": one.number, "here": one.here, "moved": one.moved, "destroyed": one.destroyed,
                "holder": None if one.holder is None else names.get(one.holder, one.holder),
            }
            for one in found.shares
        ],
    }  # fmt: skip


def _envelopes(frame: Frame, client: str) -> int:
    with frame.services.database.read() as connection:
        query = select(func.count()).select_from(key_envelopes).where(key_envelopes.c.client == client)
        return int(connection.execute(query).scalar_one())


def _each(step: Callable[[], None]) -> Callable[[int], None]:
    def several(count: int) -> None:
        for _number in range(count):
            step()

    return several


def _words(file: Path) -> str:
    """Return the words of a share file; a file that is none is not quoted."""
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvelopeError(f"{file.name} cannot be read as the words of a share") from error


def _epoch(connection: Connection, client: str, key: str | None) -> str:
    if key is not None:
        return resolve(connection, vault_keys, key, vault_keys.c.client == client)
    return str(epochs(connection, client)[-1].id)


def _pseudonym(connection: Connection, name: str) -> str:
    found = connection.execute(
        select(persons.c.pseudonym).where((persons.c.name == name) | (persons.c.id == name))
    ).scalar_one_or_none()
    if found is None:
        raise InvalidValueError("no person has this name or id; 'muniment person list' shows who there is")
    return str(found)


def _plain(rows: list[answers.Answer]) -> str:
    return "\n".join(
        f"{_('epoch')} {row['epoch']:<4} {row['id']}  {_(row['state'])}  "
        + _("{count} envelopes").format(count=row["envelopes"])
        + f"\n    {row['file']}{'' if row['here'] else ' (' + _('not here') + ')'}"
        for row in rows
    )


def _plain_escrow(rows: list[answers.Answer], checked: str | None) -> str:
    lines = [] if checked is None else [_("These two shares give the escrow key of {key}.").format(key=checked)]
    for row in rows:
        lines.append(f"{_('epoch')} {row['epoch']:<4} {row['id']}  {_(row['state'])}")
        for one in row["escrow"]["shares"]:
            if one["destroyed"]:
                where = _("destroyed")
            elif one["here"]:
                where = _("still in the escrow folder")
            else:
                where = one["holder"] or _("moved away, nobody said to whom")
            lines.append(f"    {_('share')} {one['share']}: {where}")
    return "\n".join(lines)


def _plain_released(document: dict[str, Any]) -> str:
    return "\n".join(
        (
            _("The document's key was written to {to}; recorded as event {event}.").format(**document),
            _("Its sealed bytes: {object} in {bucket}. They open with:").format(**document),
            f"  age -d -i {document['to']} SEALED > original",
            _("Destroy the key file afterwards: who has it can open this one document for ever."),
        )
    )
