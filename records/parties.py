"""Match who a document names with a registry of known parties: an identifier decides, a name only confirms.

No threshold of likeness parts people or firms (María and Mario García López score 94, two firms García 100), so a name
alone never matches: it proposes (reference of data verification, section 7; acceptance cases 21 to 23).
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz

from records.errors import ConfigurationError
from records.fields import Check
from records.normalise import fold, identifier

Matched = Literal["match", "possible", "none", "conflict"]
MOST_PROPOSED = 5
PROPOSED = 70.0  # token-sort ratio from which a party is proposed by its name
SAME_NAME = 82.0  # from which a name confirms an identifier
ADDRESSEE = "addressee"
MOST_LETTERS = 80  # of what is shown of a debt
_LEGAL = re.compile(
    r"\b(?:s\.?\s?l\.?\s?[upnl]?|s\.?\s?a\.?\s?[ul]?|s\.?\s?coop|c\.?\s?b|s\.?\s?c\.?\s?p?"
    r"|sociedad (?:limitada|anonima)"
    r"|gmbh|ag|kg|ltd|limited|llc|inc|plc|b\.?v|n\.?v|sarl|sas|srl|lda|sdn\.? bhd|bhd)\.?(?=[\s,)]|$)"
)


@dataclass(frozen=True, slots=True)
class Party:
    """A known party: id, tax id, name and other names, verified IBANs, and what it owes by the client's own books."""

    id: str
    tax_id: str | None
    name: str
    aliases: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()  # telephone, postal code with street, mail: folded
    unpaid: str | None = None
    domains: tuple[str, ...] = ()  # of its web and mail, folded


@dataclass(frozen=True, slots=True)
class Match:
    """The answer: the party that matches or is contradicted, or up to five that may be meant, best first."""

    outcome: Matched
    party: Party | None = None
    proposed: tuple[Party, ...] = ()


def parse_parties(data: bytes) -> tuple[Party, ...]:
    """Parse a list of known parties: CSV in UTF-8 with a head row.

    Columns: `id`, `tax_id`, `name`, and if wanted `aliases` and `accounts` (verified IBANs), several parted by `;`, and
    `unpaid` (what this party owes by the client's own books, as it is to be shown) and `domains` (of its web and mail,
    several parted by `;`).

    Raises:
        ConfigurationError: it is no such list; the row is named.
    """
    rows = rows_of(data, "the list of known parties")
    return tuple(party_of(row, number) for number, row in enumerate(rows, 2))


def rows_of(data: bytes, what: str) -> list[dict[str, str | None]]:
    """Return the rows of a list of a client's, CSV in UTF-8 with a head row.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        return list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{what} is not CSV in UTF-8") from error


def party_of(row: Mapping[str, str | None], number: int) -> Party:
    """Return the party that a row of a list tells of; `number` is the row's.

    Raises:
        ConfigurationError: it has no id or no name.
    """
    id_, name = row.get("id"), row.get("name")
    if not id_ or not name:
        raise ConfigurationError(f"the list of known parties: row {number} needs id and name")
    accounts = tuple(identifier(account) for account in _several(row.get("accounts")))
    unpaid = " ".join((row.get("unpaid") or "").split())[:MOST_LETTERS] or None
    tax_id = bare_tax_id(row.get("tax_id") or "") or None
    domains = tuple(fold(domain).removeprefix("www.") for domain in _several(row.get("domains")))
    return Party(id_, tax_id, name, _several(row.get("aliases")), accounts, unpaid=unpaid, domains=domains)


def _several(cell: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (cell or "").split(";") if part.strip())


def bare_name(name: str) -> str:
    """Return a name without accents, marks and legal form, its words sorted."""
    text = re.sub(r"\bma(?=\s)", "maria", fold(name).replace("mª", "maria"))
    text = _LEGAL.sub(" ", text)
    return " ".join(sorted(re.findall(r"[a-z0-9]+", text)))


def bare_tax_id(tax_id: str) -> str:
    """Return a tax id as it is compared: upper case, no marks, no prefix of Spain."""
    return identifier(tax_id).removeprefix("ES")


def likeness(name: str, party: Party) -> float:
    """Return how alike a name is to a party's, 0..100; not by token sets, to which García Hermanos is García."""
    mine = bare_name(name)
    return max(float(fuzz.ratio(mine, bare_name(other))) for other in (party.name, *party.aliases))


def match_party(
    name: str | None, tax_id: str | None, registry: Sequence[Party], attributes: frozenset[str] = frozenset()
) -> Match:
    """Find the party that a document names.

    Args:
        name: as read, or None.
        tax_id: as read, or None; one whose control character does not hold must not be handed in.
        registry: the known parties of the client.
        attributes: other marks read (telephone, street), folded; two of them stand in for an identifier.
    """
    alike = sorted(((likeness(name, party), party) for party in registry), key=lambda pair: -pair[0]) if name else []
    wanted = bare_tax_id(tax_id) if tax_id else None
    owner = next((party for party in registry if wanted and party.tax_id and bare_tax_id(party.tax_id) == wanted), None)
    if owner is not None:
        others = [(score, party) for score, party in alike if party is not owner and score >= SAME_NAME]
        mine = 100.0 if name is None else likeness(name, owner)
        if mine >= SAME_NAME and not any(score > mine for score, _ in others):
            return Match("match", owner)
        return Match("conflict", owner, tuple(party for _, party in others[:1]))
    for score, party in alike:
        if score == 100.0 and (wanted is None or party.tax_id is None) and len(party.attributes & attributes) >= 2:
            return Match("match", party)
    if wanted is not None and alike and alike[0][0] >= 99.0 and alike[0][1].tax_id is not None:
        return Match("conflict", alike[0][1])  # the name of a known party with another identifier
    proposed = tuple(party for score, party in alike[:MOST_PROPOSED] if score >= PROPOSED)
    return Match("possible", None, proposed) if proposed else Match("none")


def check_addressee(client: Party, name: str | None, tax_id: str | None) -> Check:
    """Check that the customer of an invoice is the client it is filed under (section 3, addressee).

    The tax id decides and the name confirms; a name that is alike proves nothing, one that is not is held.

    Args:
        client: the client, its name empty where no legal name is on file.
        name: the customer's, as read, or None.
        tax_id: the customer's, as read, or None.
    """
    if client.tax_id is None:
        return Check(ADDRESSEE, "unknown", "the client has no tax id on file")
    alike = likeness(name, client) if name and client.name else None
    if tax_id is None:
        if alike is not None and alike < PROPOSED:
            return Check(ADDRESSEE, "hold", "the customer's name is not the client's, and no tax id was read")
        return Check(ADDRESSEE, "unknown", "no tax id of the customer was read")
    if bare_tax_id(tax_id) != bare_tax_id(client.tax_id):
        return Check(ADDRESSEE, "hold", "the customer's tax id is not the client's")
    if alike is not None and alike < SAME_NAME:
        return Check(ADDRESSEE, "hold", "the customer's tax id is the client's, the name is not")
    return Check(ADDRESSEE, "pass", "the customer is the client")
