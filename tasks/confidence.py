"""What measured confidence is computed from: how sure the rules are of a value, as a number without bounds.

The rules weigh label and place, the engine's words, rivals, and sums that close (tasks.judge); a field's model says how
often values of which they are so sure have turned out right (records.calibration). One number keeps the order of the
rules: learning more than it from documents that are easier than those to come has made that order worse
(docs/accuracy.md).
"""

import math

MOST = 0.999  # that is said of a value
HEURISTIC = "rules"  # the one feature
_LEAST, _MOST = 0.02, 0.985  # the rules' own 0..1 is taken within these: beyond them it says nothing more


def features_of(confidence: float) -> dict[str, float]:
    """Return the features of a value of which the rules are sure by `confidence`, 0..1."""
    bounded = max(_LEAST, min(_MOST, confidence))
    return {HEURISTIC: round(math.log(bounded / (1 - bounded)), 4)}
