"""Compares two trees by turns: `python -m benchmarks.turns [--turns N] TREE -- MODULE ARGUMENTS`.

Runs `python -m MODULE ARGUMENTS` in TREE (another checkout) and in this tree, one after the other, N times (by default
5), so that both meet the same machine. For each line of the output that has numbers in both trees it prints the median
of each number in both and, first, the ratios now / then: 1.05 is 5 % more. Whether more is better, the line says.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parents[1]
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
Figures = dict[tuple[str, int], list[list[float]]]
"""The numbers of each line of all turns; a line is its text without numbers, and how often it came before."""


def output(tree: Path, command: list[str]) -> str:
    """What the command prints in `tree`."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    arguments = [sys.executable, "-m", *command]
    return subprocess.run(arguments, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def add(figures: Figures, printed: str) -> None:
    """Add the numbers of one turn."""
    seen = Counter[str]()
    for line in printed.splitlines():
        numbers = [float(number.replace(",", "")) for number in NUMBER.findall(line)]
        if numbers:
            label = " ".join(NUMBER.sub("#", line).split())
            figures.setdefault((label, seen[label]), []).append(numbers)
            seen[label] += 1


def medians(turns: list[list[float]]) -> list[float]:
    """The median of each number of a line."""
    return [statistics.median(numbers) for numbers in zip(*turns, strict=True)]


def compared(then: Figures, now: Figures) -> list[str]:
    """A line for each that both trees printed: ratios, and the numbers in both."""
    lines = []
    for (label, which), turns in now.items():
        if (label, which) in then:
            before, after = medians(then[label, which]), medians(turns)
            ratios = [f"{new / old:.2f}" if old else "-" for old, new in zip(before, after, strict=True)]
            texts = ["  ".join(f"{number:,.10g}" for number in numbers) for numbers in (before, after)]
            lines.append(f"{'  '.join(ratios):12} {label}   {texts[0]} -> {texts[1]}")
    return lines


def main() -> None:
    """Run both trees by turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("tree", type=Path, help="another checkout")
    parser.add_argument("--turns", type=int, default=5)
    given, _, command = " ".join(sys.argv[1:]).partition(" -- ")
    options = parser.parse_args(given.split())
    if not command:
        parser.error("name a module after --")
    trees: dict[Path, Figures] = {options.tree.resolve(): {}, HERE: {}}
    for _ in range(options.turns):
        for tree, figures in trees.items():
            add(figures, output(tree, command.split()))
    print("\n".join(compared(*trees.values())))


if __name__ == "__main__":
    main()
