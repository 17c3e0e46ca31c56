"""What a client's own papers taught about classes: weights as data, and what they say of a document.

A model is one version of one client's. Its features are words and layout under a salted digest, so that what is stored
holds no word of a paper. Two numbers decide: how probable the best class is among those taught, and how alike the
document is to that class's examples; where either is below what the examples themselves reached when left out, the
model says that it is unsure. Applying it is arithmetic on mappings; learning is tasks.class_learning.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from records.errors import RecordClassError

FORMAT = "muniment-class-model-1"
KEY_LETTERS = 12  # of the digest a feature is stored under: 48 bits


@dataclass(frozen=True, slots=True)
class ClassModel:
    """One version of what a client taught.

    `idf` weighs a feature by how few examples have it. `weights` and `centres` map a class to its features; `sure` is
    the least probability, `near` the least likeness to a class's centre, both 0..1. `examples` are digests by class.
    """

    version: int
    salt: str
    idf: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]
    bias: Mapping[str, float]
    centres: Mapping[str, Mapping[str, float]]
    near: Mapping[str, float]
    sure: float
    examples: Mapping[str, tuple[str, ...]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes taught, by name."""
        return tuple(sorted(self.weights))

    def as_json(self) -> dict[str, Any]:
        """Return the model as it is stored."""
        return {
            "format": FORMAT, "version": self.version, "salt": self.salt, "idf": dict(self.idf),
            "weights": {name: dict(row) for name, row in self.weights.items()}, "bias": dict(self.bias),
            "centres": {name: dict(row) for name, row in self.centres.items()}, "near": dict(self.near),
            "sure": self.sure, "examples": {name: list(row) for name, row in self.examples.items()},
        }  # fmt: skip

    def digest(self) -> str:
        """Return the SHA-256 of what is stored."""
        return sha256(json.dumps(self.as_json(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Told:
    """What a model says of a document: the best class, its probability, its likeness, and the second class.

    `sure` tells whether both suffice.
    """

    best: str
    probability: float
    likeness: float
    second: str | None
    sure: bool
    version: int

    @property
    def words(self) -> str:
        """Return it as evidence, one short line."""
        doubt = "" if self.sure else ", unsure"
        return f"taught {self.version}: {self.best} {self.probability:.2f}, alike {self.likeness:.2f}{doubt}"


def read_model(document: Any) -> ClassModel:
    """Read a model as stored.

    Raises:
        RecordClassError: it is not one of this form.
    """
    try:
        if document["format"] != FORMAT:
            raise ValueError(FORMAT)
        return ClassModel(
            int(document["version"]), str(document["salt"]), _numbers(document["idf"]),
            {name: _numbers(row) for name, row in document["weights"].items()}, _numbers(document["bias"]),
            {name: _numbers(row) for name, row in document["centres"].items()}, _numbers(document["near"]),
            float(document["sure"]), {name: tuple(row) for name, row in document["examples"].items()},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordClassError("a class model: not of the form muniment-class-model-1") from error


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items()}


def key_of(salt: str, feature: str) -> str:
    """Return what a feature is stored under."""
    return sha256(f"{salt} {feature}".encode()).hexdigest()[:KEY_LETTERS]


def vector(idf: Mapping[str, float], keys: Iterable[str]) -> dict[str, float]:
    """Return a document as a vector of length 1 over the features that are known."""
    found = {key: idf[key] for key in keys if key in idf}
    length = math.sqrt(sum(value * value for value in found.values()))
    return {key: value / length for key, value in found.items()} if length else {}


def tell(model: ClassModel, features: Iterable[str]) -> Told:
    """Say which of the classes taught a document is of, and whether that is sure.

    Args:
        model: what the client taught.
        features: of the document, in clear (tasks.class_features).
    """
    every = [key_of(model.salt, feature) for feature in features]
    mine = vector(model.idf, every)
    known = len(mine) / len(every) if every else 0.0  # what no example has makes a document less alike
    scores = {name: model.bias[name] + _dot(mine, model.weights[name]) for name in model.classes}
    highest = max(scores.values())
    parts = {name: math.exp(score - highest) for name, score in scores.items()}
    ranked = sorted(parts, key=lambda name: (-parts[name], name))
    best = ranked[0]
    probability = parts[best] / sum(parts.values())
    likeness = _dot(mine, model.centres[best]) * math.sqrt(known)
    sure = probability >= model.sure and likeness >= model.near[best]
    return Told(best, probability, likeness, ranked[1] if len(ranked) > 1 else None, sure, model.version)


def _dot(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(value * other.get(key, 0.0) for key, value in one.items())
