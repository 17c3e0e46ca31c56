"""Measured confidence: models are data and belong to a version of a class; thresholds follow from what was wrong."""

import json

import numpy as np
import pytest

from cli.calibrate import NEVER, Sample, choose_threshold, fit
from records.calibration import FORMAT, Calibration, Model, parse_calibration, shipped_calibration
from records.class_library import shipped_library
from records.errors import RecordClassError
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
        assert version == record_class.version, f"run python -m cli.calibrate: {name} has changed"
        assert all(record_class.spec(field.partition("/")[0]) is not None for field in models)
        assert all(0 < model.threshold <= NEVER for model in models.values())


def test_the_threshold_lets_no_more_wrong_values_pass_than_allowed():
    generator = np.random.default_rng(5)
    held = generator.random(20_000)
    right = generator.random(20_000) < 0.5 + 0.5 * held**0.2
    threshold, taken, precision = choose_threshold(held, right, np.ones(20_000))
    assert 0.8 < threshold < 1
    assert 0 < taken < 0.5
    assert precision >= 0.995
    assert choose_threshold(held, np.zeros(20_000, bool), np.ones(20_000))[0] == NEVER


def test_what_speaks_for_a_value_is_learnt():
    samples = [
        Sample({"score": float(number % 10)}, number % 10 > 2 or number % 7 == 0, f"d{number}", 1.0)
        for number in range(1000)
    ]
    fitted = fit(samples)
    assert fitted["weights"]["score"] > 0
    assert fit(samples) == fitted
    assert fit(samples[:20]) is None
    written = {"format": FORMAT, "classes": {"invoice": {"version": "1", "fields": {"total": fitted}}}}
    model = parse_calibration(json.dumps(written).encode()).model("invoice", "1", "total")
    assert model.probability({"score": 9.0}) > 0.95 > 0.6 > model.probability({"score": 0.0})


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
