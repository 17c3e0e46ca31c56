"""How sure a value is, measured: for each field a small model from what speaks for a value to a probability.

The models are data (records/calibration.json), fitted by `muniment calibrate` on documents with known values; the file
names what they were learnt from, by set and digest. A model is a logistic regression, so applying it needs nothing but
this module. It belongs to one version of its class: a class of another version falls back to the heuristic and its own
thresholds (reference of data verification, section 11).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from records.errors import RecordClassError

TEXT = "/text"  # after a field's name: its model where the words come from the file itself
FORMAT = "muniment-calibration-1"


@dataclass(frozen=True, slots=True)
class Model:
    """One field's model: `weights` by feature, `bias`, and from which probability a value is taken unseen.

    `count` values were used; `taken` is the share of those measured that reach the threshold, `precision` how many of
    these were right, both 0..1 and measured on documents that the weights were not fitted on.
    """

    bias: float
    weights: Mapping[str, float]
    threshold: float
    count: int = 0
    taken: float = 0.0
    precision: float = 0.0

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability 0..1 that a value with these features is right."""
        total = self.bias + sum(self.weights.get(name, 0.0) * value for name, value in features.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """All models: class -> (version, field -> model)."""

    classes: Mapping[str, tuple[str, Mapping[str, Model]]] = field(default_factory=dict)

    def model(self, record_class: str, version: str, name: str, *, text: bool = False) -> Model | None:
        """Return the model of a field, or None where there is none for this version of its class.

        Words of a text layer have models of their own: nothing in them was misread.
        """
        fitted = self.classes.get(record_class)
        return fitted[1].get(name + (TEXT if text else "")) if fitted is not None and fitted[0] == version else None


def parse_calibration(data: bytes) -> Calibration:
    """Parse a calibration file.

    Raises:
        RecordClassError: it is not one of this format.
    """
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise ValueError(document["format"])
        classes = {
            name: (
                str(one["version"]),
                {
                    field_name: Model(
                        float(row["bias"]), {key: float(value) for key, value in row["weights"].items()},
                        float(row["threshold"]), int(row["count"]), float(row["taken"]), float(row["precision"]),
                    )
                    for field_name, row in one["fields"].items()
                },
            )
            for name, one in document["classes"].items()
        }  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordClassError("calibration: not a file of the form muniment-calibration-1") from error
    return Calibration(classes)


@cache
def shipped_calibration() -> Calibration:
    """Return the models that come with the application."""
    return parse_calibration(resources.files("records").joinpath("calibration.json").read_bytes())
