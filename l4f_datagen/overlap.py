"""Work ahead of the consumer in threads, in order and within bounds."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def ordered_map(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    workers: int,
    ahead: int,
    initializer: Callable[[], None] | None = None,
) -> Generator[Outcome]:
    """Yield ``function(item)`` in the order of ``items``.

    At most ``ahead`` results exist that were not asked for yet, so memory does not grow with the
    number of items. Closing the iterator waits for the items under way and drops the rest. An
    error of ``function`` or of ``items`` is raised at its place in the order, after the results of all items before
    it, as ``map`` does. Without ``workers`` nothing is made ahead: each result in the consumer's own thread, when it is
    asked for.
    """
    if not workers:
        yield from map(function, items)
        return
    executor = ThreadPoolExecutor(workers, initializer=initializer)
    pending: deque[Future[Outcome]] = deque()
    source, ended = iter(items), None
    try:
        while ended is None:
            try:
                pending.append(executor.submit(function, next(source)))
            except Exception as error:  # StopIteration among them; it waits for the results of the items before it
                ended = error
            while pending and (ended or len(pending) >= ahead):
                yield pending.popleft().result()
        if not isinstance(ended, StopIteration):
            raise ended
    finally:
        ended = None  # it knows this frame, which would know it
        executor.shutdown(wait=True, cancel_futures=True)
