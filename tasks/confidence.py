"""What speaks for a value, as numbers: the features from which its measured confidence is computed.

Every feature is general: how good the label and place were, how far ahead of others the value is, how sure the engine
was of its words, whether other amounts or checks confirm it, and how its letters look. None names a value.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from records.calibration import Model
from records.class_library import FieldSpec
from records.fields import Check
from records.text import PageText
from tasks.extract import Choice
from tasks.parties import LEGAL_FORM

MOST = 0.999
_ODD_CASE = re.compile(r"[a-z][A-Z]|[A-Za-z]\d[A-Za-z]|[A-Z]{2}[a-z]")
_ODD_MARK = re.compile(r"[^\w\s.,&'/()ªº·-]|[|_]")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a chosen value: its choice and rivals, arithmetic's word, the checks, its page."""

    choice: Choice
    ranked: Sequence[Choice]
    confirmed: bool
    weak: bool
    derived: bool
    checks: tuple[Check, ...]
    page: PageText | None


def features_of(spec: FieldSpec, evidence: Evidence) -> dict[str, float]:
    """Return the features of a value; all between about -5 and 5."""
    choice, candidate = evidence.choice, evidence.choice.best
    others = [other for other in evidence.ranked if other.value != choice.value]
    rival = max((other.score for other in others), default=0.0) / max(choice.score, 0.01)
    ocr = evidence.page is None or evidence.page.source == "ocr"
    word = min(candidate.word_confidence / 100, 0.99)
    doubt = -math.log10(1 - word)  # 1 where the engine says 90, 2 where it says 99
    passed = {check.check for check in evidence.checks if check.outcome == "pass"}
    held = sum(check.outcome in ("hold", "reject") for check in evidence.checks)
    found = {
        "score": _logit(choice.score), "rival": min(rival, 2.0), "alone": float(not others),
        "first": float(bool(evidence.ranked) and evidence.ranked[0].value == choice.value),
        "support": math.log2(choice.support), "confirmed": float(evidence.confirmed), "weak": float(evidence.weak),
        "derived": float(evidence.derived), "held": float(held > 0), f"method:{candidate.method}": 1.0,
        "ocr": float(ocr), "ocr_doubt": doubt if ocr else 0.0, "doubt": doubt,
        "page": (evidence.page.confidence / 100 - 0.9) * 10 if ocr and evidence.page is not None else 0.0,
        "holds": float("tax-id" in passed or "iban" in passed), "words": math.log2(1 + len(candidate.words)),
    }  # fmt: skip
    if spec.normalise in ("name", "text", "code"):
        found |= _letters(candidate.value)
    return {name: round(value, 4) for name, value in found.items() if value}


def measured(model: Model, features: Mapping[str, float]) -> float:
    """Return the measured confidence of a value, 0..0.999."""
    return min(model.probability(features), MOST)


def _letters(value: str) -> dict[str, float]:
    digits = sum(character.isdigit() for character in value)
    return {
        "form": float(bool(LEGAL_FORM.search(value.lower()))), "odd_case": float(bool(_ODD_CASE.search(value))),
        "odd_mark": float(bool(_ODD_MARK.search(value))), "short": float(len(value) < 4),
        "digits": digits / max(len(value), 1), "blank": float(" " in value),
        "upper": float(value.isupper()),
    }  # fmt: skip


def _logit(share: float) -> float:
    bounded = max(0.02, min(0.985, share))
    return math.log(bounded / (1 - bounded))
