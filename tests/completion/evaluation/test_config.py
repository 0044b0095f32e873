import pytest

from completion.config import METHODS, SearchConfig
from completion.evaluation.config import EvaluationConfig


def test_the_configuration_checks_itself():
    assert EvaluationConfig(methods=("ns", "telea")).reference == "ns"
    for options in ({"count": 1}, {"masks": ()}, {"methods": ("ns", "ns")}, {"batch_size": 0}, {"resamples": 0}):
        with pytest.raises(ValueError, match=r"Expected .* Received: "):
            EvaluationConfig(**options)


def test_searches_are_compared_when_they_are_asked_for():
    left_out = set(METHODS) - set(EvaluationConfig().methods)
    assert left_out == {name for name, config in METHODS.items() if isinstance(config, SearchConfig)} | {"auto"}
    assert EvaluationConfig(methods=tuple(METHODS)).methods == tuple(METHODS)
    assert EvaluationConfig().reference == "balanced"
