"""A table of figures beside their budgets."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure; `limit` is the budget, and the figure should be at least or at most that."""

    what: str
    figure: float
    unit: str
    limit: float
    at_least: bool = False
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def print_title() -> None:
    """Says what machine this is, and what the columns are."""
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")
    print(f"{'what':<74} {'figure':>12} {'budget':>14}")


def print_row(row: Row) -> None:
    """Prints one figure beside its budget."""
    figure = f"{row.figure:,.0f}" if row.figure >= 100 else f"{row.figure:.2f}"
    sign = "≥" if row.at_least else "≤"
    verdict = "" if row.kept else "  over budget"
    print(f"{row.what:<74} {figure + ' ' + row.unit:>12} {f'{sign} {row.limit:,g} {row.unit}':>14}{verdict}")
    if row.note:
        print(f"    {row.note}")
