"""Collect candidates for every field of a class from the pages of a record, and choose among them.

Generic: labels, places, types and preferences come from the class file (records.class_library); nothing here knows a
vendor, a form or a value. Candidates of one value support each other; a rival value lowers the confidence of the
best. Amounts are chosen together, so that they add up (tasks.amounts).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from records.class_library import FieldSpec, Party, RecordClass
from records.normalise import Reading, fold
from tasks.anchors import Hit, Region, find_labels, regions
from tasks.candidates import FIRM, Candidate, from_reading, read_anywhere, read_misread, read_region
from tasks.conventions import Conventions
from tasks.datelines import DATELINE, datelines
from tasks.issuer_marks import domains, ids_at_foot, names_at_foot, names_by_domain, names_domain
from tasks.layout import PageLayout, Row
from tasks.parties import (
    Block,
    find_block,
    find_unlabelled_block,
    name_in_block,
    names_at_head,
    names_somebody,
    read_name,
)
from tasks.printed_tax_ids import anchored_tax_id, loose_tax_ids

UNLABELLED = 0.62  # of a value found by its form alone
UNREAD = 0.4  # of a date found by its form alone in which signs were misread
UNLABELLED_PARTY = 0.75  # of the recipient's name where nothing says that it is
TAKEN = 0.5  # score from which words that are one field's value are not another's by their form alone
ONLY_ONE = 0.9  # of a value found by its form alone, where the record has no other of that form
OWN_DOMAIN = 0.12  # what a web or mail domain of that name adds to a name without a label
REPEATED_PLACE = 0.03  # how much the first (or last) of equal places is preferred, per place, at most five
SUPPORT = 0.5  # how much a further place with the same value counts
RIVAL = 0.35  # how much a rival value takes away, as a share of its own score


@dataclass(frozen=True, slots=True)
class PageMarks:
    """One page with its labels and the blocks of the parties."""

    page: PageLayout
    hits: tuple[Hit, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A distinct value of one field with all that speaks for it; `score` 0..1 before checks."""

    best: Candidate
    score: float
    support: int

    @property
    def value(self) -> str:
        """The normalised value."""
        return self.best.value


def mark_pages(pages: Sequence[PageLayout], record_class: RecordClass) -> list[PageMarks]:
    """Find labels and party blocks on every page."""
    marks = [_mark(page, record_class) for page in pages]
    if marks and not any(block.party == "recipient" for mark in marks for block in mark.blocks):
        first = marks[0]
        parties = {spec.party for spec in record_class.fields}
        both = {"issuer", "recipient"} <= parties
        block = find_unlabelled_block(first.page, first.blocks, ids_at_foot(first.page)) if both else None
        if block is not None:
            marks[0] = replace(first, blocks=(*first.blocks, block))
    return marks


def _mark(page: PageLayout, record_class: RecordClass) -> PageMarks:
    hits = find_labels(page, record_class)
    parties = {spec.name: spec.party for spec in record_class.fields if spec.party is not None}
    stops = frozenset(parties)
    blocks = []
    for hit in hits:
        for name, party in parties.items():
            if hit.weights.get(name, 0.0) >= 0.5:
                block = find_block(party, hit, page, hits, stops)
                if names_somebody(hit, block, hits):
                    blocks.append(block)
    return PageMarks(page, tuple(hits), tuple(blocks))


def collect(
    marks: Sequence[PageMarks], record_class: RecordClass, conventions: Conventions
) -> dict[str, list[Candidate]]:
    """Return the candidates of every single field, by name, best first."""
    found: dict[str, list[Candidate]] = {}
    amounts = frozenset(spec.name for spec in record_class.fields if spec.type == "money")
    for spec in record_class.fields:
        if spec.cardinality == "lines" or spec.type == "currency":
            continue
        if spec.party is not None:
            candidates = _parties(spec, marks, amounts)
        elif spec.normalise == "tax-id":
            continue
        elif spec.normalise == "choice":
            candidates = _choices(spec, marks)
        else:
            candidates = _labelled(spec, marks, conventions)
        if DATELINE in spec.where:
            candidates = [*candidates, *datelines(spec, [mark.page for mark in marks], conventions)]
        found[spec.name] = sorted(candidates, key=lambda candidate: -candidate.score)
    taken = {one.words for candidates in found.values() for one in candidates if one.score >= TAKEN}
    for spec in record_class.fields:
        if _wants_unlabelled(spec) and found.get(spec.name) == []:
            found[spec.name] = [c for c in _unlabelled(spec, marks, conventions) if c.words not in taken]
    found.update(_tax_ids(record_class, marks))
    return found


def _labelled(spec: FieldSpec, marks: Sequence[PageMarks], conventions: Conventions) -> list[Candidate]:
    found = []
    for mark in marks:
        for hit in mark.hits:
            weight = hit.weights.get(spec.name)
            if weight is None:
                continue
            if spec.normalise == "rate":
                found += _rate_before(spec, hit, weight, conventions)
            for region in regions(hit, mark.page, mark.hits, spec.where):
                candidates = read_region(spec, region, weight, conventions)
                found += candidates
                if candidates and candidates[0].score >= 0.6 * weight:
                    break
    return found


def _rate_before(spec: FieldSpec, hit: Hit, weight: float, conventions: Conventions) -> list[Candidate]:
    """Read a rate that stands before its label (21 % IVA), in the same cell."""
    cell = hit.row.cell_at(hit.start)
    text = hit.row.text[cell.start : hit.start]
    if not text.strip():
        return []
    return read_region(spec, Region(hit.row, cell.start, hit.start, "same-line", 0.9), weight, conventions)


def _wants_unlabelled(spec: FieldSpec) -> bool:
    places = {"top", "bottom"} & set(spec.where)
    return bool(places) or spec.normalise == "iban" or (bool(spec.patterns) and not spec.anchors)


def _unlabelled(spec: FieldSpec, marks: Sequence[PageMarks], conventions: Conventions) -> list[Candidate]:
    """Find values by their form alone, in the order of the pages, or from the bottom where the class says so."""
    rows = [row for mark in marks for row in mark.page.rows]
    read = [one for row in rows for one in read_anywhere(spec, row, conventions)]
    if not read:
        return [replace(one, score=UNREAD) for row in rows for one in read_misread(spec, row, conventions)]
    found = [replace(one, score=UNLABELLED) for one in read]
    if "bottom" in spec.where:
        found.reverse()
    if found and len({candidate.value for candidate in found}) == 1:
        return [replace(candidate, score=ONLY_ONE) for candidate in found]
    return [replace(item, score=item.score * (1 - REPEATED_PLACE * min(n, 5))) for n, item in enumerate(found)]


def _choices(spec: FieldSpec, marks: Sequence[PageMarks]) -> list[Candidate]:
    """Find phrases of a closed list: beside a label if the field has any, else anywhere."""
    found = []
    expression = re.compile(
        r"(?<![a-z0-9])(?:"
        + "|".join(re.escape(p) for p in sorted(spec.choices, key=len, reverse=True))
        + r")(?![a-z0-9])"
    )
    for mark in marks:
        for row in mark.page.rows:
            labelled = any(hit.row is row and spec.name in hit.weights for hit in mark.hits)
            for match in expression.finditer(row.folded):
                reading = Reading(spec.choices[match[0]], row.text[match.start() : match.end()], *match.span())
                score = FIRM if labelled else UNLABELLED
                found.append(from_reading(spec, reading, row, 0, score, "anchor" if labelled else "pattern"))
    return found


def _parties(spec: FieldSpec, marks: Sequence[PageMarks], amounts: frozenset[str]) -> list[Candidate]:
    found = []
    for mark in marks:
        for hit in mark.hits:
            if spec.name in hit.weights:
                party = spec.party or "issuer"
                stops = frozenset([spec.name])
                block = find_block(party, hit, mark.page, mark.hits, stops)
                candidate = name_in_block(spec, hit, block, mark.hits)
                if candidate is not None:
                    found.append(candidate)
    if spec.party == "recipient" and not found:
        found += [one for mark in marks for one in _unlabelled_names(spec, mark)]
    if "top" in spec.where and marks and not any(candidate.score >= 0.6 for candidate in found):
        head = names_at_head(spec, marks[0].page, marks[0].hits, marks[0].blocks, amounts)
        known = domains(marks[0].page)
        placed = [*head, *names_at_foot(spec, marks[0].page)]
        told = names_by_domain(spec, marks[0].page, known, marks[0].blocks)
        new = [one for one in told if not any(fold(name.value).startswith(fold(one.value)) for name in placed)]
        found += [_with_domain(name, known) for name in (*placed, *new)]
    return found


def _with_domain(name: Candidate, known: frozenset[str]) -> Candidate:
    """Raise a name that the page's web or mail domain writes too."""
    return replace(name, score=min(name.score + OWN_DOMAIN, FIRM)) if names_domain(name.value, known) else name


def _unlabelled_names(spec: FieldSpec, mark: PageMarks) -> list[Candidate]:
    """Return the first line of each recipient's block that no label names."""
    found = []
    for block in mark.blocks:
        row, start, end = block.lines[0]
        reading = read_name(row, start, end) if block.party == "recipient" else None
        if reading is not None:
            found.append(from_reading(spec, reading, row, 0, UNLABELLED_PARTY * FIRM, "zone"))
    return found


def _tax_ids(record_class: RecordClass, marks: Sequence[PageMarks]) -> dict[str, list[Candidate]]:
    """Find tax ids and give each to the party in whose block it stands; without a block, the first is the issuer's."""
    specs = [spec for spec in record_class.fields if spec.normalise == "tax-id"]
    found: dict[str, list[Candidate]] = {spec.name: [] for spec in specs}
    if not specs:
        return found
    party_of = {spec.name: spec.party or "issuer" for spec in record_class.fields}
    by_party = {party_of.get(spec.of or "", "issuer"): spec.name for spec in specs}
    issuer = by_party.get("issuer", specs[0].name)
    for mark in marks:
        for party, candidate in _tax_ids_of(specs, mark):
            name = by_party.get(party) if party is not None else None
            if name is None:
                name = issuer
                if candidate.value in {other.value for other in found.get(by_party.get("recipient", ""), [])}:
                    continue
                candidate = replace(candidate, score=candidate.score * (0.97 if not found[name] else 0.8))
            found[name].append(replace(candidate, field=name))
    return {name: sorted(candidates, key=lambda item: -item.score) for name, candidates in found.items()}


def _tax_ids_of(specs: Sequence[FieldSpec], mark: PageMarks) -> list[tuple[Party | None, Candidate]]:
    names = {spec.name for spec in specs}
    found: list[tuple[Party | None, Candidate]] = []
    for row in mark.page.rows:
        spans: list[tuple[int, int]] = []
        for hit in (hit for hit in mark.hits if hit.row is row and names & hit.weights.keys()):
            if _goes_on(hit, mark.hits, names):
                continue  # N.I.F. / C.I.F.: the number follows the second
            for region in regions(hit, mark.page, mark.hits, ("right", "below")):
                reading = anchored_tax_id(region.text)
                if reading is None:
                    continue
                weight = max(hit.weights[name] for name in names & hit.weights.keys())
                score = weight * region.factor * FIRM
                candidate = from_reading(specs[0], reading, region.row, region.start, score, "anchor")
                found.append((_owner(mark, region.row, region.start + reading.start), candidate))
                if region.row is row:
                    spans.append((region.start + reading.start, region.start + reading.end))
                break
        for cell in row.cells:
            for reading in loose_tax_ids(row.text[cell.start : cell.end]):
                begin = cell.start + reading.start
                if not any(start < cell.start + reading.end and begin < end for start, end in spans):
                    candidate = from_reading(specs[0], reading, row, cell.start, UNLABELLED, "pattern")
                    found.append((_owner(mark, row, begin), candidate))
    return found


def _goes_on(hit: Hit, hits: Sequence[Hit], names: set[str]) -> bool:
    """Tell whether another label of a tax id follows this one with nothing between them."""
    return any(
        other.row is hit.row
        and other.start >= hit.end
        and names & other.weights.keys()
        and not re.search(r"\w", hit.row.text[hit.end : other.start])
        for other in hits
    )


def _owner(mark: PageMarks, row: Row, position: int) -> Party | None:
    holders = [block.party for block in mark.blocks if block.holds(row, position)]
    return holders[-1] if holders else None


def rank(spec: FieldSpec, candidates: Sequence[Candidate]) -> list[Choice]:
    """Gather candidates of one value, let them support each other, and rank the distinct values.

    The first place of a value is shown as evidence, the last where the class picks the last.
    """
    ordered = sorted(candidates, key=lambda item: (item.page, item.row), reverse=spec.pick == "last")
    groups: dict[str, list[Candidate]] = {}
    for place, candidate in enumerate(ordered):
        handicap = 1 - REPEATED_PLACE * min(place, 5) if spec.pick in ("first", "last") else 1.0
        groups.setdefault(_key(candidate), []).append(replace(candidate, score=candidate.score * handicap))
    choices = []
    for group in groups.values():
        best = max(group, key=lambda item: (item.score, item.word_confidence))
        doubt = 1 - best.score
        places = {(item.page, item.row) for item in group} - {(best.page, best.row)}
        for _ in list(places)[:3] if best.method != "zone" else ():
            doubt *= 1 - SUPPORT * best.score
        choices.append(Choice(best, 1 - doubt, 1 + len(places)))
    if spec.pick == "largest":
        return sorted(choices, key=lambda choice: -float(choice.value))
    return sorted(choices, key=lambda choice: -choice.score)


def _key(candidate: Candidate) -> str:
    return fold(candidate.value)


def rival_penalty(choices: Sequence[Choice]) -> float:
    """Return the factor 0..1 by which the best value's confidence drops because another value rivals it."""
    if len(choices) < 2 or choices[0].score <= 0:
        return 1.0
    share = choices[1].score / choices[0].score
    return 1 - RIVAL * max(0.0, (share - 0.6) / 0.4) if share > 0.6 else 1.0
