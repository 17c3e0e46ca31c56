"""People who leave: nothing of theirs is open, their rights end, and their name goes; the ledger keeps the pseudonym.

Who has a paper is not removed, nor who had one lately: until `kept_days` after the last loan was closed it may still be
asked who had what. After that only the pseudonym is left, in the catalogue as in the ledger (reference of the records
desk, invariant 20). What people wrote about somebody, and backups, are not touched.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select, update

from custody.contact_tables import contacts, responsibles
from custody.desk_tables import barcodes
from custody.ledger import Actor, Draft, append
from custody.loan_tables import delegates, loans, requests
from custody.roles import revoke
from custody.tables import ledger_head
from custody.vault import Vault
from records.errors import InvalidValueError
from records.ids import instant, parse_instant
from records.tables import accreditations, persons


def remove_person(connection: Connection, vault: Vault, person: str, kept_days: int, actor: Actor) -> None:
    """Take a person's rights, name, token, barcode and addresses away, in the caller's transaction.

    Raises:
        InvalidValueError: the person has papers or asks for some, had one lately, is the last administrator, or acts.
    """
    connection.execute(select(ledger_head).with_for_update()).one()  # nobody lends to the person meanwhile
    row = connection.execute(select(persons).where(persons.c.id == person)).one()
    now = vault.clock.now()
    if row.pseudonym == actor.id:
        raise InvalidValueError("nobody removes himself: another administrator must do it")
    _require_nothing_open(connection, person, kept_days, now)
    for role in list(row.roles):
        revoke(connection, vault, person, role, None, actor)
    for held in connection.execute(select(accreditations).where(accreditations.c.person == person)).all():
        revoke(connection, vault, person, held.role, held.client, actor)
    connection.execute(contacts.delete().where(contacts.c.person == person))
    connection.execute(responsibles.delete().where(responsibles.c.person == person))
    connection.execute(delegates.delete().where(or_(delegates.c.person == person, delegates.c.principal == person)))
    live = (barcodes.c.target == person) & barcodes.c.retired.is_(None)
    connection.execute(update(barcodes).where(live).values(retired=instant(now)))
    nameless = {"name": row.pseudonym, "os_user": None, "token_sha256": None}
    connection.execute(update(persons).where(persons.c.id == person).values(**nameless))
    draft = Draft(vault.ids.new("evt"), "config_changed", person, actor, reason="person-removed")
    append(connection, draft, now)


def _require_nothing_open(connection: Connection, person: str, kept_days: int, now: datetime) -> None:
    mine = loans.c.borrower == person
    if connection.execute(select(loans.c.id).where(mine, loans.c.closed_at.is_(None)).limit(1)).first():
        raise InvalidValueError("the person has papers: 'muniment loan list --borrower PERSON' says which")
    asked = (requests.c.requester == person) & requests.c.closed_at.is_(None)
    if connection.execute(select(requests.c.id).where(asked).limit(1)).first():
        raise InvalidValueError("the person asks for papers: 'muniment request list --by PERSON' says which")
    last = connection.execute(select(func.max(loans.c.closed_at)).where(mine)).scalar_one()
    if last is not None and now < (ends := parse_instant(last) + timedelta(days=kept_days)):
        raise InvalidValueError(f"who had papers is kept until {ends.date().isoformat()} (person_days)")
