"""Measured confidence: models are data and belong to a version of a class; thresholds follow from what was wrong."""

import json
from importlib import resources

import numpy as np
import pytest

from cli.calibrate import NEVER, WRONG_MOST, Sample, choose_threshold, fit
from records.calibration import FORMAT, Calibration, Model, parse_calibration, shipped_calibration
from records.class_library import shipped_library
from records.errors import RecordClassError
from tasks.confidence import HEURISTIC, features_of
from tasks.lexicon import mend


def test_a_model_gives_a_probability():
    model = Model(-1.0, {"score": 2.0}, 0.9)
    assert 0 < model.probability({}) < 0.5 < model.probability({"score": 1.0}) < 1
    assert model.probability({"unknown": 99.0}) == model.probability({})


def test_a_model_belongs_to_one_version_of_its_class():
    calibration = Calibration({"invoice": ("2", {"total": Model(0.0, {}, 0.9)})})
    assert calibration.model("invoice", "2", "total") is not None
    assert calibration.model("invoice", "3", "total") is None
    assert calibration.model("invoice", "2", "net") is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": "other", "classes": {}}', b'{"format": 1}'])
def test_another_file_is_refused(data):
    with pytest.raises(RecordClassError):
        parse_calibration(data)


def test_the_shipped_models_are_of_the_shipped_classes():
    library = shipped_library()
    for name, (version, models) in shipped_calibration().classes.items():
        record_class = library.get(name)
        assert version == record_class.version, f"run muniment calibrate: {name} has changed"
        assert all(record_class.spec(field.partition("/")[0]) is not None for field in models)
        assert all(0 < model.threshold <= NEVER for model in models.values())


def test_the_threshold_lets_no_more_wrong_values_pass_than_allowed():
    generator = np.random.default_rng(5)
    said = generator.random(20_000)
    right = generator.random(20_000) < 0.5 + 0.5 * said**0.2
    threshold = choose_threshold(said, right)
    taken = said >= threshold
    assert 0.8 < threshold < 1
    assert 0 < taken.mean() < 0.5
    assert right[taken].mean() >= 1 - WRONG_MOST
    assert choose_threshold(said, np.zeros(20_000, bool)) == NEVER
    assert choose_threshold(np.array([]), np.array([], bool)) == 0.0


def samples(kind, wrong_below, count=400, takeable=True):
    return [
        Sample({HEURISTIC: (number % 20) / 2 - 5}, number % 20 >= wrong_below, f"{kind} {number}", kind, takeable)
        for number in range(count)
    ]


def test_a_surer_value_is_more_probable_and_wrong_real_ones_raise_the_threshold():
    easy = fit([*samples("made-up", 4), *samples("real", 4)], 0.05)
    hard = fit([*samples("made-up", 4), *samples("real", 12)], 0.05)
    assert easy["weights"][HEURISTIC] > 0
    assert easy["threshold"] < hard["threshold"]
    assert hard["precision"] == 1.0
    assert fit([*samples("made-up", 4), *samples("real", 12)], 0.05) == hard
    assert fit(samples("made-up", 4)[:20], 0.5) is None
    written = {"format": FORMAT, "classes": {"invoice": {"version": "1", "fields": {"total": easy}}}}
    model = parse_calibration(json.dumps(written).encode()).model("invoice", "1", "total")
    assert model.probability(features_of(0.97)) > 0.95 > 0.6 > model.probability(features_of(0.02))


@pytest.mark.parametrize("least", [0.6, 0.9, 0.97])
def test_no_value_is_taken_below_the_class_files_own_threshold(least):
    fitted = fit([*samples("made-up", 0), *samples("real", 0)], least)
    model = Model(fitted["bias"], fitted["weights"], fitted["threshold"])
    assert model.probability(features_of(least)) >= model.threshold > model.probability(features_of(least - 0.02))


def test_a_field_that_its_checks_never_let_be_taken_has_no_model():
    assert fit(samples("made-up", 4, takeable=False), 0.5) is None


def test_the_shipped_file_names_what_it_was_learnt_from_and_no_value():
    document = json.loads(resources.files("records").joinpath("calibration.json").read_bytes())
    assert document["classes"], "run muniment calibrate"
    assert all(one["documents"] and len(one["digest"]) == 64 for one in document["learnt_from"])
    assert {"invoice", "receipt"} <= set(document["classes"])
    texts = [text for one in document["learnt_from"] for text in one.values() if isinstance(text, str)]
    assert all(len(text) == 64 or not any(c.isdigit() for c in text) for text in texts)


def test_calibrating_gives_the_same_file_twice(tmp_path, muniment):
    for name in ("a.json", "b.json"):
        answer = muniment("calibrate", "--count", "100", "--read", "0", "--to", str(tmp_path / name))
        assert answer["models"] == []  # too few values to fit a field on
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert parse_calibration((tmp_path / "a.json").read_bytes()) == Calibration()


@pytest.mark.parametrize(
    ("read", "right"),
    [
        ("PETRO ENIERPRISE", "PETRO ENTERPRISE"),
        ("Restaurante La Flor", "Restaurante La Flor"),
        ("Ferreteria Sol", "Ferreteria Sol"),
        ("TRAOING CO", "TRADING CO"),
        ("TRADIXG", "TRADIXG"),  # x and n are not taken for each other
        ("Hardwares", "Hardwares"),
    ],
)
def test_one_misread_letter_of_a_common_word_is_put_right(read, right):
    assert mend(read) == right
