"""The search for the largest number of sessions that holds."""

import pytest

from load.search import Search


@pytest.mark.parametrize(
    ("most", "limit", "tried"),
    [
        (16, 6, [1, 2, 4, 8, 6, 7]),
        (16, 16, [1, 2, 4, 8, 16]),
        (12, 100, [1, 2, 4, 8, 12]),
        (12, 10, [1, 2, 4, 8, 12, 10, 11]),
        (16, 0, [1]),
        (1, 1, [1]),
    ],
)
def test_doubling_then_bisection(most: int, limit: int, tried: list[int]) -> None:
    search = Search(most)
    asked = []
    while (count := search.next()) is not None:
        asked.append(count)
        search.take(count, held=count <= limit)
    assert asked == tried
    assert search.holds == min(limit, most)
