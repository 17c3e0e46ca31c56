"""Turn chosen values into fields: confidence, checks, and whether a person must look.

The confidence of a field is measured where there is a model for it (records.calibration, tasks.confidence). Elsewhere,
as in classes of one's own, it is a heuristic: how well its place speaks for the value, times the engine's least
confidence in its words, times how far it is ahead of rivals; a sum that closes raises it. No confidence outweighs a
check that holds (reference of data verification, section 11). `accepted` means taken without a person: confidence at
least the threshold, the model's or else the class file's, and every check passed, informed or warned.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from records.calibration import Model
from records.class_library import FieldSpec
from records.fields import Check, Description, Field, ReviewReason, Status
from records.review_codes import CODE_OF_CHECK
from records.text import PageText
from records.validation import (
    check_birth_date,
    check_date,
    check_expiry_date,
    check_iban,
    check_iban_known,
    check_tax_id,
    repair_tax_id,
    shape_tax_id,
)
from tasks import zones
from tasks.candidates import Candidate
from tasks.confidence import MOST, features_of
from tasks.extract import Choice, rival_penalty

SURE_WORD = 0.90  # engine confidence from which a word costs nothing
# Nothing confirms the letters of a name: of suppliers on sheets drawn and read back, 15 of 57 were misread below this
# confidence, none of 64 above it.
SURE_NAME, UNSURE_NAME = 0.95, 0.85
CONFIRMED_WORD = 0.2  # share of an unsure word's cost that remains then: a misread amount hardly closes a sum
CONFIRMED = 0.4  # share of the doubt that remains when a sum closes
DERIVED_MOST = 0.8
_CUT_OFF = re.compile(r"(?:^|\D)\d+[.,]\s?\d\D*$")  # one decimal: the second was perhaps not read
HIGH_RISK_WORD = 2.0  # how much more an unsure word costs a field of high risk
_GOOD = frozenset({"pass", "info", "warn"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What arithmetic said about an amount: checks, and whether another amount confirms it."""

    checks: tuple[Check, ...] = ()
    confirmed: bool = False
    derived: bool = False
    weak: bool = False  # its sum closes only if an amount that was read is left out


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging a field needs beside its candidates: the day, the page it stands on, and its measured model.

    `observe` is told every field's features where confidence is to be fitted.
    """

    today: date
    page: PageText | None = None
    model: Model | None = None
    observe: Callable[[str, Mapping[str, float]], None] | None = None


def judge(
    spec: FieldSpec, choice: Choice | None, ranked: Sequence[Choice], verdict: Verdict, judging: Judging
) -> Field:
    """Return the field for a chosen value, or one with status `missing` where nothing was found."""
    if choice is None:
        return missing(spec)
    candidate, checks = _check(spec, choice, ranked, verdict, judging.today)
    confidence = _confidence(spec, choice, ranked, verdict)
    threshold = spec.threshold
    if judging.model is not None or judging.observe is not None:
        features = features_of(confidence)
        if judging.observe is not None:
            judging.observe(spec.name, features)
        if judging.model is not None:
            confidence, threshold = judging.model.probability(features), judging.model.threshold
    return Field(
        name=spec.name,
        value=candidate.value,
        type=spec.type,
        status=status_of(spec, confidence, checks, threshold),
        raw=candidate.raw or None,
        currency=candidate.currency,
        page=candidate.page or None,
        box=candidate.box,
        confidence=round(min(confidence, MOST), 3),
        method="checked" if verdict.confirmed else candidate.method,
        engine=judging.page.engine if candidate.words and judging.page is not None else None,
        checks=checks,
    )


def missing(spec: FieldSpec) -> Field:
    """Return a field that was looked for and not found."""
    return Field(spec.name, None, spec.type, "missing")


def status_of(spec: FieldSpec, confidence: float, checks: Sequence[Check], threshold: float | None = None) -> Status:
    """Return `accepted` or `review`; a check that could not run counts as passed only where the class file says so.

    `threshold` is that of a measured confidence; None takes the class file's.
    """
    if any(holds(spec, check) for check in checks):
        return "review"
    return "accepted" if confidence >= (spec.threshold if threshold is None else threshold) else "review"


def holds(spec: FieldSpec, check: Check) -> bool:
    """Tell whether a check sends its value to a person: it did not pass, or could not run and must."""
    return check.outcome not in _GOOD and not (check.outcome == "unknown" and check.check in spec.unknown_ok)


def with_check(field: Field, check: Check, *, hold: bool) -> Field:
    """Return a field with one check more; one that holds it takes back that it was accepted."""
    status = "review" if hold and field.status == "accepted" else field.status
    return replace(field, checks=(*field.checks, check), status=status)


def with_answers(
    found: Description, specs: Mapping[str, FieldSpec], ask: Callable[[Field], Check | None], codes: tuple[str, str]
) -> Description:
    """Return a description with what somebody else says of some single fields; what is not confirmed waits.

    Args:
        found: the description.
        specs: the fields asked about, by name.
        ask: the answer about a field, None where there is nothing to ask.
        codes: of the reason for review: where the check could not run, and where it speaks against the value.
    """
    fields, review = [], list(found.review)
    for field in found.fields:
        spec = specs.get(field.name) if field.index is None else None
        check = None if spec is None else ask(field)
        if spec is not None and check is not None:
            field = with_check(field, check, hold=holds(spec, check))
            if holds(spec, check):
                review.append(ReviewReason(codes[check.outcome != "unknown"], field.name, check.message))
        fields.append(field)
    return replace(found, fields=tuple(fields), review=tuple(review))


def _confidence(spec: FieldSpec, choice: Choice, ranked: Sequence[Choice], verdict: Verdict) -> float:
    score = choice.score
    if verdict.confirmed:
        score = 1 - (1 - score) * CONFIRMED
    elif ranked and ranked[0].value == choice.value:
        score *= rival_penalty(ranked)
    else:
        score *= 0.8
    word = choice.best.word_confidence / 100
    cost = CONFIRMED_WORD if verdict.confirmed else HIGH_RISK_WORD if spec.risk == "high" else 1.0
    score *= max(0.0, 1 - max(0.0, SURE_WORD - word) * cost)
    if spec.normalise == "name" and word < SURE_NAME:
        score *= UNSURE_NAME
    return (
        min(score, DERIVED_MOST) if verdict.derived or choice.best.method == "derived" else max(0.0, min(score, 0.999))
    )


def _check(
    spec: FieldSpec, choice: Choice, ranked: Sequence[Choice], verdict: Verdict, today: date
) -> tuple[Candidate, tuple[Check, ...]]:
    candidate, support = choice.best, choice.support
    checks = list(verdict.checks)
    if spec.type == "money" and _CUT_OFF.search(candidate.raw):
        checks.append(Check("ambiguous", "hold", f"a digit may be missing at the end of {candidate.raw!r}"))
    elif candidate.ambiguous and not verdict.confirmed:
        checks.append(Check("ambiguous", "hold", f"{candidate.raw!r} can be read in two ways"))
    if candidate.method == "mrz":
        checks += zones.checks(spec.mrz or spec.name, choice, ranked)
    for name in spec.checks:
        if name == "tax-id":
            candidate, check = _tax_id(candidate)
            checks.append(check)
        elif name == "confirmed":
            checks += _confirmation(verdict, support)
        elif name == "distinct":
            checks.append(_distinct(candidate, ranked))
        elif name in _VALUE_CHECKS:
            checks.append(_VALUE_CHECKS[name](candidate.value, today))
    return candidate, tuple(checks)


def _distinct(candidate: Candidate, ranked: Sequence[Choice]) -> Check:
    """Hold a value that was taken by its form alone if the record has another of that form."""
    if candidate.method == "pattern" and len(ranked) > 1:
        return Check("distinct", "hold", "without a label, and there are others of its form")
    return Check("distinct", "pass")


def _confirmation(verdict: Verdict, support: int) -> list[Check]:
    if verdict.derived:
        return [Check("derived", "unknown", "computed from the other amounts")]
    if verdict.confirmed:
        return []
    if verdict.weak:
        return [Check("confirmed", "unknown", "the sum closes only without an amount that was read")]
    if support > 1:
        return [Check("confirmed", "info", f"stands in {support} places")]
    return [Check("confirmed", "unknown", "no other amount confirms it")]


def _tax_id(candidate: Candidate) -> tuple[Candidate, Check]:
    """Check a tax id; one with letters where its form has digits is put right, and held for a person."""
    check = check_tax_id(candidate.value)
    repaired = repair_tax_id(candidate.value) or shape_tax_id(candidate.value) if check.outcome == "hold" else None
    if repaired is None:
        return candidate, check
    again = check_tax_id(repaired)
    message = f"read as {candidate.value}; letters and digits exchanged by its form"
    if again.outcome == "hold":
        message = f"{message}; {again.message}"
    return replace(candidate, value=repaired), Check("tax-id", "hold", message)


def value_checks(spec: FieldSpec, value: str, today: date) -> list[Check]:
    """Run the checks of a value by itself, for one that was not read from print."""
    found = [check_tax_id(value)] if "tax-id" in spec.checks else []
    return found + [_VALUE_CHECKS[name](value, today) for name in spec.checks if name in _VALUE_CHECKS]


_VALUE_CHECKS = {
    "iban": lambda value, today: check_iban(value),
    "iban-known": lambda value, today: check_iban_known(),
    "date-plausible": check_date,
    "birth-plausible": check_birth_date,
    "expiry": check_expiry_date,
}


def reasons(spec: FieldSpec, field: Field) -> list[ReviewReason]:
    """Return why a person must look at this field; nothing for one that is accepted or may be missing."""
    if field.status == "missing":
        return [ReviewReason("required-missing", field.name, "not found")] if spec.required else []
    if field.status != "review":
        return []
    found = [
        ReviewReason(CODE_OF_CHECK.get(check.check, "low-confidence"), field.name, check.message)
        for check in field.checks
        if check.outcome not in _GOOD and check.check not in spec.unknown_ok
    ]
    if not found:
        found = [ReviewReason("low-confidence", field.name, f"{field.confidence:.3f} is less than is asked for")]
    return found
