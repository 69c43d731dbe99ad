import threading
import time

import pytest

from l4f_datagen.overlap import ordered_map


def test_order_is_kept_when_later_items_finish_first():
    def work(item):
        time.sleep(0.02 if item % 4 == 0 else 0)
        return item * item

    assert list(ordered_map(work, range(20), workers=4, ahead=8)) == [i * i for i in range(20)]
    assert list(ordered_map(work, range(20), workers=0, ahead=0)) == [i * i for i in range(20)]


def test_it_works_ahead_but_within_bounds():
    started = []

    def items():
        for item in range(100):
            started.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), workers=2, ahead=5)
    assert next(results) == 0
    assert len(started) == 5
    results.close()


def test_an_error_is_raised_at_its_place():
    def work(item):
        if item == 3:
            raise ValueError("three")
        return item

    results = ordered_map(work, range(10), workers=2, ahead=4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


@pytest.mark.parametrize("count", [0, 1, 3, 9])
@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_made_before_the_source_failed_comes_first(count, workers):
    def source():
        yield from range(count)
        raise OSError("the source")

    results, got = ordered_map(lambda item: -item, source(), workers=workers, ahead=4), []
    with pytest.raises(OSError, match="the source"):
        for result in results:
            got.append(-result)
    assert got == list(range(count))
    # An item that fails before the source does is told in its place.
    with pytest.raises(ZeroDivisionError) if count else pytest.raises(OSError):
        list(ordered_map(lambda item: 1 // item, source(), workers=workers, ahead=4))


def test_closing_early_ends_the_threads():
    before = set(threading.enumerate())
    results = ordered_map(lambda item: item, range(1000), workers=3, ahead=6)
    next(results)
    results.close()
    assert set(threading.enumerate()) <= before
