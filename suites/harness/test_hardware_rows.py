"""The rows of hardware cover what they say."""

from itertools import combinations, product

from suites.release.test_hardware import FACTORS, ROWS


def test_any_two_values_of_any_two_factors_are_together_in_a_row() -> None:
    """No pair of values is missing, and each row is one that can be read as such."""
    values = [sorted({row[factor] for row in ROWS}, key=str) for factor in range(len(FACTORS))]
    together = {(i, row[i], j, row[j]) for row in ROWS for i, j in combinations(range(len(FACTORS)), 2)}
    wanted = {
        (i, one, j, other)
        for i, j in combinations(range(len(FACTORS)), 2)
        for one, other in product(values[i], values[j])
    }
    assert together == wanted
    assert [len(each) for each in values] == [3, 3, 2, 2, 2, 2]
