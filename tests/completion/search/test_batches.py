import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.search import batches
from completion.search.batches import default_batch_size, plan_rows
from dcgan.config import ModelConfig


@pytest.mark.parametrize(
    ("count", "batch_size", "candidates", "expected"),
    [
        (1, 64, 1, (1, 1)),
        (1, 64, 4, (1, 4)),
        (8, 64, 1, (8, 8)),
        (9, 64, 1, (9, 16)),
        (64, 64, 1, (64, 64)),
        (65, 64, 1, (33, 40)),
        (1000, 64, 1, (63, 64)),
        (1000, 64, 3, (21, 64)),
        (5, 1, 1, (1, 1)),
        (5, 3, 1, (3, 3)),
        (100, 12, 1, (8, 8)),
        (3, 8, 20, (1, 8)),
    ],
)
def test_plans(count, batch_size, candidates, expected):
    assert plan_rows(count, batch_size=batch_size, candidates=candidates) == expected


@given(count=st.integers(1, 3000), batch_size=st.integers(1, 200), candidates=st.integers(1, 70))
def test_a_plan_keeps_to_the_batch_size(count, batch_size, candidates):
    share, rows = plan_rows(count, batch_size=batch_size, candidates=candidates)
    assert share >= 1
    assert 1 <= rows <= batch_size
    assert rows <= 8 or rows % 8 == 0
    assert share * candidates <= rows or share == 1


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="Expected `batch_size` of at least 1"):
        plan_rows(3, batch_size=0, candidates=1)


def test_the_batch_size_follows_the_model_and_the_memory(monkeypatch):
    monkeypatch.setattr(batches, "_memory_bytes", lambda: 64 * 2**30)
    assert default_batch_size(ModelConfig(size=16, filters=4)) == 64
    assert default_batch_size(ModelConfig()) == 64
    assert default_batch_size(ModelConfig(size=128)) == 16
    monkeypatch.setattr(batches, "_memory_bytes", lambda: 2**30)
    assert default_batch_size(ModelConfig()) == 16
    monkeypatch.setattr(batches, "_memory_bytes", lambda: 0)
    assert default_batch_size(ModelConfig()) == 1


def test_the_memory_is_that_of_the_machine():
    assert 2**28 < batches._memory_bytes() < 2**50


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_memory_is_given_back_where_the_system_can(platform, monkeypatch):
    """A platform without the call is left alone."""
    calls = []
    monkeypatch.setattr(batches.sys, "platform", platform)
    monkeypatch.setattr(batches.ctypes, "CDLL", lambda name: calls.append(name) or object())
    batches.release_memory()
    assert calls == ([None] if platform == "linux" else [])
