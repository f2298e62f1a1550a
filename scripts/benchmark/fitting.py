"""Whether something grows with the number of clusters as a straight line does. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """The line with the least squares through some points; `deviation` is the largest of any point from it."""

    slope: float
    intercept: float
    deviation: float

    def __str__(self) -> str:
        sign = "-" if self.intercept < 0 else "+"
        return f"{self.slope:g} N {sign} {abs(self.intercept):g}, deviation at most {self.deviation:.2g}"


def fit(points: Mapping[int, float]) -> Line:
    """The line through the values at two or more numbers of clusters."""
    slope, intercept = statistics.linear_regression(list(points), list(points.values()))
    deviation = max(abs(value - slope * count - intercept) for count, value in points.items())
    return Line(round(slope, 3), round(intercept, 3), round(deviation, 3))
