"""`muniment bench --set classes:DIR`: what a client teaches about classes, measured on papers that were not taught.

The `learn` half of the labelled sets below DIR is taught, as a client would teach papers of his own, and the model is
asked about the other half: right and sure, unsure (a person looks), wrong though sure. Beside it stands what loading
and asking a model costs.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

from cli.bench_scans import WordCache
from cli.bench_truth import Labelled, find_sets, is_held_out
from records.class_models import ClassModel, read_model, tell
from records.errors import ChildFaultError, ChildLimitError, RefusedScanError
from tasks.class_features import features_of
from tasks.class_learning import Example, learn
from tasks.layout import lay_out

SALT = "bench"


@dataclass
class ClassBench:
    """One measuring: the sets, what was counted, and what it cost."""

    words: WordCache
    say: Callable[[str], None]
    rows: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    asked_seconds: float = 0.0

    def measure(self, folder: Path) -> dict[str, Any]:
        """Teach one half, ask about the other, and return the answer.

        Raises:
            InvalidValueError: the folder holds no such set, or too few papers to teach.
        """
        documents = find_sets(folder)
        taught = [one for one in self._examples(documents) if not is_held_out(one[0].digest)]
        counts = Counter(example.record_class for _, example in taught)
        model, own = learn([example for _, example in taught if counts[example.record_class] > 1], 1, SALT)
        stored = json.dumps(model.as_json())
        began = process_time()
        model = read_model(json.loads(stored))
        loaded = process_time() - began
        asked = [one for one in self._examples(documents) if is_held_out(one[0].digest)]
        for document, example in asked:
            self._ask(model, document, example)
        return {
            "taught": dict(sorted(counts.items())), "sure_from": model.sure,
            "left_out": {"documents": own.documents, "right": own.right, "unsure": own.unsure, "wrong": own.wrong},
            "rows": [
                {"set": name, "documents": sum(row.values()), "right": row["right"], "unsure": row["unsure"],
                 "wrong": row["wrong"], "not_taught": row["not taught"]}
                for name, row in self.rows.items()
            ],
            "bytes": len(stored), "load_seconds": loaded, "ask_seconds": self.asked_seconds / max(len(asked), 1),
        }  # fmt: skip

    def _examples(self, documents: Sequence[Labelled]) -> Iterator[tuple[Labelled, Example]]:
        for document in documents:
            try:
                pages = self.words.words(document.file, "as-is").pages
            except (RefusedScanError, ChildLimitError, ChildFaultError) as error:
                self.say(f"{document.set_name}: {document.digest[:12]}: {error}")
                continue
            found = features_of([lay_out(page) for page in pages[:2]])
            yield document, Example(document.digest, document.record_class, found)

    def _ask(self, model: ClassModel, document: Labelled, example: Example) -> None:
        began = process_time()
        told = tell(model, example.features)
        self.asked_seconds += process_time() - began
        right = told.best == document.record_class
        taught = document.record_class in model.classes
        outcome = "unsure" if not told.sure else "right" if right else "wrong"
        self.rows[document.set_name][outcome if taught or outcome != "unsure" else "not taught"] += 1


def plain(document: dict[str, Any]) -> str:
    """Return the answer as people read it."""
    taught = ", ".join(f"{name} {count}" for name, count in document["taught"].items())
    lines = [f"taught: {taught}", f"{'set':<20} {'n':>4} {'right':>6} {'unsure':>7} {'wrong':>6} {'not taught':>11}"]
    lines += [
        f"{row['set']:<20} {row['documents']:>4} {row['right']:>6} {row['unsure']:>7} {row['wrong']:>6} "
        f"{row['not_taught']:>11}"
        for row in document["rows"]
    ]
    own = document["left_out"]
    lines.append(
        f"each example left out: {own['right']} right, {own['unsure']} unsure, {own['wrong']} wrong "
        f"of {own['documents']}"
    )
    lines.append(
        f"model: {document['bytes'] / 1024:.0f} KiB, loaded in {1000 * document['load_seconds']:.1f} ms, "
        f"asked in {1000 * document['ask_seconds']:.1f} ms"
    )
    return "\n".join(lines)
