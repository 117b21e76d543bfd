"""The first judgement of rules over a log: the calls of a long one are judged by a program beside this one.

Rules about calls and rules about series share nothing but the rows. On two cores the first judgement of a million rows
by a thousand rules takes 6 s instead of 10; where the program fails, its part is done here.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import subprocesses
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import EvaluationOutput, Evaluator
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import CodeLocator, Rule
from obs_core.store import foreign, sqlite, tail
from obs_core.watch.batches import Held, Progress, Source, feed

LONG: Final = 200_000  # rows; of fewer, the program would hardly have started
KEPT: Final = 100_000  # flips of a log's past, the newest ones


class BackfillResult(NamedTuple):
    """What is judged: a log up to an id, as of a moment; the figures of calls up to the edges before `judged_ns`."""

    log: Path
    upto: int
    now_ns: int
    judged_ns: int


def judged(
    source: Source, rules: Sequence[Rule], past: BackfillResult, *, held: Held, code_of: CodeLocator, progress: Progress
) -> tuple[Evaluator, EvaluationOutput]:
    """What `rules` say of the past; and the judge to go on with, if it knows all of them (its series are all there)."""
    of_calls = [rule for rule in rules if KINDS[rule.kind].reads == "calls"]
    others = [rule for rule in rules if rule not in of_calls]
    is_long = past.upto > LONG and source.shape.native and (os.cpu_count() or 1) > 1
    program = _started(of_calls, past) if is_long and of_calls and others else None

    def of(some: Sequence[Rule]) -> tuple[Evaluator, EvaluationOutput]:
        judge, at = Evaluator(some, (), AlertSet(some), code_of=code_of), 0
        while at < past.upto:
            at = feed(source, judge, at, past.upto, past.now_ns, held=held)
            del judge.alerts.transitions[:-KEPT]
            progress(f"first judgement by {len(rules):,} rules", at, past.upto)
        judge.advance_windows(past.judged_ns)
        return judge, judge.drain_output()

    judge, told = of(rules if program is None else others)
    if program is not None:
        more = _answer(program) or of(of_calls)[1]
        told = EvaluationOutput(told.transitions + more.transitions, told.rows + more.rows, told.seen + more.seen)
    return judge, told


def main() -> None:
    """Judge the calls of the log and by the rules that standard input names; what is told goes to standard output."""
    rules, past = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    judge = Evaluator(rules, (), AlertSet(rules))
    with closing(sqlite.connect(past.log)) as log:
        judge.take(tail.calls(log, foreign.shape(log, past.log), past.upto), past.now_ns)
    judge.advance_windows(past.judged_ns)
    del judge.alerts.transitions[:-KEPT]
    pickle.dump(judge.drain_output(), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


def _started(rules: list[Rule], past: BackfillResult) -> "subprocess.Popen[bytes] | None":
    try:
        return subprocesses.start_process(
            "obs_core.watch.backfill", pickle.dumps((rules, past), pickle.HIGHEST_PROTOCOL)
        )
    except OSError:
        return None


def _answer(program: "subprocess.Popen[bytes]") -> EvaluationOutput | None:
    """What the program has told; None where it failed."""
    with program:
        assert program.stdout is not None
        text = program.stdout.read()
    return pickle.loads(text) if program.returncode == 0 else None  # noqa: S301 - what `main` wrote


if __name__ == "__main__":
    main()
