import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.config import SearchConfig
from completion.search import batches
from completion.search.answer import Answers
from completion.search.batches import answer_in_batches, default_batch_size, plan_rows
from completion.search.finder import Finder
from dcgan.config import ModelConfig
from tests.completion.search.helpers import observe_all


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


class Recorder:
    """Takes the place of a `Finder`: remembers its calls; an answer's score is its observation's number."""

    def __init__(self, candidates=1, seconds=0.0, clock=None):
        self.config = SearchConfig(candidates=candidates)
        self.seconds, self.clock = seconds, clock
        self.calls, self.rows, self.frames = [], [], []

    def find(self, observations, *, keep="best", rows=None, on_frame=None, on_progress=None):
        self.calls.append(list(observations))
        self.rows.append(rows)
        self.frames.append(on_frame)
        if self.clock is not None:
            self.clock[0] += self.seconds
        if on_progress:
            on_progress(0.5)
            on_progress(1.0)
        each = self.config.candidates if keep == "all" else 1
        scores = np.array([number + 0.1 * rank for number in observations for rank in range(each)], np.float32)
        return Answers(scores[:, None], scores[:, None, None, None], scores, scores, scores)


def make_items(*counts, pixels=100):
    """Return items named "a", "b", .., with so many observations each; observations are numbers from 0."""
    numbers = iter(range(100))
    return [("abcdefghij"[i], [next(numbers) for _ in range(count)], pixels) for i, count in enumerate(counts)]


def answer(items, finder, *, share=4, rows=8, **options):
    return list(answer_in_batches(items, finder, share=share, rows=rows, **options))


class TestAnswerInBatches:
    def test_a_batch_is_full_at_its_share(self):
        finder = Recorder()
        found = answer(make_items(1, 1, 1, 1, 1), finder, share=2)
        assert finder.calls == [[0, 1], [2, 3], [4]]
        assert finder.rows == [8, 8, 8]
        assert [(item, answers.score.tolist()) for item, answers, _ in found] == list(
            zip("abcde", [[0], [1], [2], [3], [4]], strict=True)
        )

    def test_the_observations_of_an_item_stay_together(self):
        finder = Recorder()
        found = answer(make_items(1, 3, 2), finder, share=2)
        assert finder.calls == [[0, 1, 2, 3], [4, 5]]
        assert [answers.score.tolist() for _, answers, _ in found] == [[0], [1, 2, 3], [4, 5]]

    def test_candidates_lie_one_after_the_other(self):
        found = answer(make_items(1, 2), Recorder(candidates=3), keep="all")
        assert [answers.score.tolist() for _, answers, _ in found] == [
            pytest.approx([0, 0.1, 0.2]),
            pytest.approx([1, 1.1, 1.2, 2, 2.1, 2.2]),
        ]
        best = answer(make_items(1, 2), Recorder(candidates=3))
        assert [answers.score.tolist() for _, answers, _ in best] == [[0], [1, 2]]

    @pytest.mark.parametrize(
        ("pixels", "calls"), [(249, [4]), (250, [4]), (334, [3, 1]), (500, [2, 2]), (5000, [1] * 4)]
    )
    def test_a_batch_is_bounded_by_pixels(self, monkeypatch, pixels, calls):
        """However large the pictures are, one at least is in a batch."""
        monkeypatch.setattr(batches, "BATCH_PIXELS_MAX", 1000)
        finder = Recorder()
        found = answer(make_items(1, 1, 1, 1, pixels=pixels), finder, share=10)
        assert [len(call) for call in finder.calls] == calls
        assert [item for item, _, _ in found] == list("abcd")

    def test_pixels_count_from_batch_to_batch_anew(self, monkeypatch):
        monkeypatch.setattr(batches, "BATCH_PIXELS_MAX", 1000)
        finder = Recorder()
        answer(make_items(1, 1, 1, 1, 1, 1, pixels=400), finder, share=10)
        assert [len(call) for call in finder.calls] == [3, 3]

    def test_items_without_observations_are_yielded_at_once(self):
        finder, read = Recorder(), []

        def items():
            for item in make_items(1, 0, 0, 1, 0):
                read.append(item[0])
                yield item

        found = answer_in_batches(items(), finder, share=2, rows=8)
        item, answers, seconds = next(found)
        assert (item, answers, seconds) == ("b", None, 0.0)
        assert read == ["a", "b"]  # no item is read before it is needed
        assert not finder.calls
        assert [item for item, _, _ in found] == ["c", "a", "d", "e"]
        assert len(finder.calls) == 1

    def test_the_next_batch_is_read_when_the_last_one_is_done(self):
        read = []

        def items():
            for item in make_items(1, 1, 1):
                read.append(item[0])
                yield item

        found = answer_in_batches(items(), Recorder(), share=1, rows=1)
        for name in "abc":
            assert next(found)[0] == name
            assert read[-1] == name

    def test_seconds_are_the_batchs_shared_by_its_items(self, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr(batches.time, "perf_counter", lambda: clock[0])
        found = answer(make_items(1, 2, 0, 1), Recorder(seconds=6.0, clock=clock), share=3)
        assert [(item, seconds) for item, _, seconds in found] == [("a", 3.0), ("b", 3.0), ("c", 0.0), ("d", 6.0)]

    def test_frames_are_of_the_first_batch(self):
        finder = Recorder()
        answer(make_items(1, 1, 1), finder, share=1, on_frame=print)
        assert finder.frames == [print, None, None]

    def test_progress_is_in_items_of_the_present_batch(self):
        done = []
        answer(make_items(1, 3, 1), Recorder(), share=4, on_progress=done.append)
        assert done == [1.0, 2.0, 0.5, 1.0]

    def test_without_observations_no_finder_is_needed(self):
        assert [item for item, _, _ in answer(make_items(0, 0), None)] == ["a", "b"]
        with pytest.raises(ValueError, match=r"Expected a `finder` for items with observations\. Received: None"):
            answer(make_items(1), None)

    def test_memory_is_given_back_after_every_batch(self, monkeypatch):
        calls = []
        monkeypatch.setattr(batches, "release_memory", lambda: calls.append(1))
        answer(make_items(1, 1, 1, 0), Recorder(), share=2)
        assert len(calls) == 2

    def test_a_finder_of_its_own_gives_the_same_answers(self, prior):
        """The bytes of an answer do not depend on the batches."""
        finder, observations = Finder(prior, SearchConfig(iterations=3)), observe_all(5)
        items = [(number, [each], 256) for number, each in enumerate(observations)]
        one, other = (answer(items, finder, share=share, rows=4) for share in (2, 4))
        for (_, ours, _), (_, theirs, _) in zip(one, other, strict=True):
            np.testing.assert_array_equal(ours.latents, theirs.latents)
