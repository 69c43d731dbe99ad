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
    error of ``function`` or of ``items`` is raised at its place in the order. Without ``workers`` nothing
    is made ahead: each result in the consumer's own thread, when it is asked for.
    """
    if not workers:
        yield from map(function, items)
        return
    executor = ThreadPoolExecutor(workers, initializer=initializer)
    pending: deque[Future[Outcome]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
