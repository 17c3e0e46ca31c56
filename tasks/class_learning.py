"""Learn classes from a client's own papers: a few examples of each, and a model that knows where it does not know.

Each example is left out once: how probable and how alike it then was sets what is asked of a document to come. Words
that stand in one example only are kept, since a form's own words are what tells it; nothing is stored in clear
(records.class_models).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from records.class_models import ClassModel, key_of, tell, vector
from records.errors import InvalidValueError

FEWEST = 2  # examples of a class, and classes
MOST_FEATURES = 4000  # of a model: those that most examples have
LEAST_SURE, MOST_SURE = 0.5, 0.98
ABOVE_WRONG = 0.03  # how far above the surest wrong answer the least probability lies
NEAR_SHARE = 0.6  # of the likeness that the least alike example had when left out
LEAST_NEAR = 0.12
STRENGTH = 30.0  # inverse of the regularisation: vectors are of length 1, examples few


@dataclass(frozen=True, slots=True)
class Example:
    """One paper whose class is known: the digest of it, the class, and its features in clear."""

    digest: str
    record_class: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """How the examples did when each was left out: how many were right and sure, unsure, and wrong though sure."""

    documents: int
    right: int
    unsure: int
    wrong: int


def learn(examples: Sequence[Example], version: int, salt: str) -> tuple[ClassModel, Measured]:
    """Learn a model, and measure it on its own examples with each left out.

    Args:
        examples: at least two of each of two classes; an example given twice counts once.
        version: of the model to be.
        salt: under which features are stored.

    Raises:
        InvalidValueError: there are too few examples; the class is named.
    """
    known = sorted({example.digest: example for example in examples}.values(), key=lambda one: one.digest)
    counts = Counter(example.record_class for example in known)
    if len(counts) < FEWEST or min(counts.values()) < FEWEST:
        few = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
        raise InvalidValueError(f"two examples of each of two classes are needed at least; there are: {few}")
    keyed = [(one, frozenset(key_of(salt, feature) for feature in one.features)) for one in known]
    left_out = [_left_out(keyed, place, salt) for place in range(len(keyed))]
    wrong = [said for one, (said, best, _) in zip(known, left_out, strict=True) if best != one.record_class]
    sure = round(min(max([LEAST_SURE, *(value + ABOVE_WRONG for value in wrong)]), MOST_SURE), 4)
    near: dict[str, float] = {}
    for name in counts:
        alike = [like for one, (_, best, like) in zip(known, left_out, strict=True) if one.record_class == name == best]
        near[name] = round(max(LEAST_NEAR, NEAR_SHARE * min(alike, default=1.0)), 4)
    model = _fit(keyed, version, salt, sure, near)
    decided = [
        (one.record_class == best, said >= sure and like >= near[best])
        for one, (said, best, like) in zip(known, left_out, strict=True)
    ]
    return model, Measured(
        len(known), sum(right and taken for right, taken in decided), sum(not taken for _, taken in decided),
        sum(taken and not right for right, taken in decided),
    )  # fmt: skip


Keyed = tuple[Example, frozenset[str]]


def _left_out(keyed: Sequence[Keyed], place: int, salt: str) -> tuple[float, str, float]:
    """Return probability, class and likeness of one example by a model of the others."""
    rest = [pair for number, pair in enumerate(keyed) if number != place]
    model = _fit(rest, 0, salt, 0.0, defaultdict(float))
    told = tell(model, keyed[place][0].features)
    return told.probability, told.best, told.likeness


def _fit(keyed: Sequence[Keyed], version: int, salt: str, sure: float, near: Mapping[str, float]) -> ClassModel:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    frequency = Counter(key for _, keys in keyed for key in keys)
    kept = sorted(frequency, key=lambda key: (-frequency[key], key))[:MOST_FEATURES]
    idf = {key: round(1 + math.log((1 + len(keyed)) / (1 + frequency[key])), 4) for key in kept}
    vectors = [vector(idf, sorted(keys)) for _, keys in keyed]
    classes = [example.record_class for example, _ in keyed]
    names = sorted(set(classes))
    table = DictVectorizer(sort=True)
    fitted = LogisticRegression(C=STRENGTH, max_iter=500, class_weight="balanced").fit(
        table.fit_transform(vectors), classes
    )
    rows, bias = fitted.coef_, fitted.intercept_
    if len(names) == 2:  # one row stands for both
        rows, bias = [-rows[0] / 2, rows[0] / 2], [-bias[0] / 2, bias[0] / 2]
    columns = table.get_feature_names_out()
    weights = {
        name: {str(key): round(float(value), 4) for key, value in zip(columns, row, strict=True) if abs(value) > 1e-3}
        for name, row in zip(names, rows, strict=True)
    }
    examples: dict[str, list[str]] = defaultdict(list)
    for example, _ in keyed:
        examples[example.record_class].append(example.digest)
    return ClassModel(
        version, salt, idf, weights, {name: round(float(one), 4) for name, one in zip(names, bias, strict=True)},
        {name: _centre([v for v, one in zip(vectors, classes, strict=True) if one == name]) for name in names},
        {name: near[name] for name in names}, sure, {name: tuple(sorted(row)) for name, row in examples.items()},
    )  # fmt: skip


def _centre(vectors: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for one in vectors:
        for key, value in one.items():
            total[key] += value
    length = math.sqrt(sum(value * value for value in total.values())) or 1.0
    return {key: round(value / length, 5) for key, value in sorted(total.items())}
