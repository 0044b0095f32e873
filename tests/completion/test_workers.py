import threading
import time

import pytest

from completion.workers import side_by_side
from dcgan.cores import available_cores


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    def late(number):
        time.sleep(0.002 * (number % 3))
        return number

    assert list(side_by_side(late, range(20), workers=workers)) == list(range(20))


def test_items_are_read_as_they_are_needed():
    read, finished = [], []

    def items():
        for number in range(30):
            read.append(number)
            yield number

    for number in side_by_side(lambda number: number, items(), workers=2):
        finished.append(number)
        assert len(read) - len(finished) < 4


def test_threads_work_at_once():
    together = threading.Barrier(3, timeout=20)
    assert list(side_by_side(lambda _: together.wait() >= 0, range(3), workers=3)) == [True] * 3


def test_what_is_raised_is_raised_in_its_place_and_ends_the_work():
    begun = []

    def work(number):
        begun.append(number)
        if number == 2:
            raise RuntimeError("stop")
        return number

    found = []
    with pytest.raises(RuntimeError, match="stop"):
        found.extend(side_by_side(work, range(100), workers=2))
    assert found == [0, 1]
    assert len(begun) < 10


def test_by_default_there_is_a_thread_for_each_core():
    assert available_cores() >= 1


def test_a_list_within_a_list_is_worked_at_by_its_own_thread():
    def inner(item):
        return list(side_by_side(lambda _: threading.get_ident(), range(4), workers=2)), threading.get_ident()

    for threads, own in side_by_side(inner, range(4), workers=2):
        assert set(threads) == {own}
    outside = set(side_by_side(lambda _: (time.sleep(0.01), threading.get_ident())[1], range(8), workers=2))
    assert threading.get_ident() not in outside
