"""Incidents: something is not as it should be; said once in the ledger, however often it is met."""

from custody.ledger import Actor, Draft, append, of_subjects
from custody.vault import Vault
from records.errors import MunimentError


def raise_incident(vault: Vault, subject: str, client: str | None, error: MunimentError, actor: Actor) -> None:
    """Record that `subject` met `error`, unless its last incident says the same."""
    code = type(error).__name__.removesuffix("Error")
    with vault.database.write() as connection:
        incidents = [entry.event for entry in of_subjects(connection, [subject]) if entry.event["type"] == "incident"]
        if incidents and incidents[-1]["reason"] == code:
            return
        draft = Draft(vault.ids.new("evt"), "incident", subject, actor, client=client, reason=code)
        append(connection, draft, vault.clock.now())
