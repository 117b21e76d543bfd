"""Evaluates new rules over the rows that the log already has; for a long log, rules about calls in a child process.

Rules about calls and rules about series share nothing but the rows. On two cores the first evaluation of a million rows
by a thousand rules takes 6 s instead of 10. If the child process fails, its part is done here.
"""

import json
import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import heartbeat, subprocesses
from obs_core.alerts.evaluate.alert_set import AlertSet, with_history
from obs_core.alerts.evaluate.evaluator import EvaluationOutput, Evaluator
from obs_core.alerts.evaluate.failures import RowCounts
from obs_core.alerts.evaluate.series_checks import CALLS
from obs_core.alerts.ledger import AlertRow
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import CodeLocator, Rule
from obs_core.store import foreign, sqlite, tail
from obs_core.watch.batches import Held, Progress, Source, feed

LONG: Final = 200_000  # rows; with fewer, starting the child process takes longer than the work
_SILENT_S: Final = 25  # without a heartbeat of the child process; the watcher itself is restarted after 30
_PIECE: Final = 65_536
MAX_TRANSITIONS: Final = 100_000  # of the history, the newest ones


class BackfillRange(NamedTuple):
    """The history to evaluate: the rows of `log` up to an id, and windows of calls up to `evaluated_ns`."""

    log: Path
    up_to_id: int
    now_ns: int
    evaluated_ns: int


class BackfillResult(NamedTuple):
    """What the rules report about the history; `evaluator` continues from there if it has all the rules."""

    evaluator: Evaluator
    output: EvaluationOutput


def evaluate_history(
    source: Source,
    rules: Sequence[Rule],
    history: BackfillRange,
    *,
    held: Held,
    code_of: CodeLocator,
    progress: Progress,
    alone: Collection[Rule] = (),
    counts: RowCounts | None = None,
    max_series: int | None = None,
) -> BackfillResult:
    """Evaluate `rules` over `history`, on two cores if it is long.

    Raises:
        RuleFailed: the check of a rule raised an error.
    """
    of_calls = [rule for rule in rules if KINDS[rule.kind].reads == "calls"]
    others = [rule for rule in rules if rule not in of_calls]
    is_long = history.up_to_id > LONG and source.shape.native and (os.cpu_count() or 1) > 1
    process = _start(of_calls, history) if is_long and of_calls and others else None

    def evaluate(some: Sequence[Rule]) -> BackfillResult:
        evaluator = Evaluator(
            some, (), AlertSet(some), code_of=code_of, alone=alone, counts=counts, max_series=max_series
        )
        at_id = 0
        while at_id < history.up_to_id:
            at_id = feed(source, evaluator, at_id, history.up_to_id, history.now_ns, held=held)
            del evaluator.alerts.transitions[:-MAX_TRANSITIONS]
            progress(f"evaluating {len(rules):,} new rules", at_id, history.up_to_id)
        _advance(evaluator, history)
        return BackfillResult(evaluator, evaluator.drain_output())

    try:
        evaluator, output = evaluate(rules if process is None else others)
    except BaseException:
        if process is not None:
            process.kill()
            process.communicate()
        raise
    if process is not None:
        more = _output(process) or evaluate(of_calls).output
        output = EvaluationOutput(
            output.transitions + more.transitions, output.rows + more.rows, output.seen + more.seen
        )
    newest_ns = _newest_of(evaluator, rules)
    transitions = with_history(output.transitions, output.rows, newest_ns, history.now_ns)
    return BackfillResult(evaluator, output._replace(transitions=transitions))


def _newest_of(evaluator: Evaluator, rules: Sequence[Rule]) -> Callable[[AlertRow], int]:
    """When the series of an alert was last active; for alerts about calls, when the log was."""
    newest_ns = evaluator.series.newest_ns()
    of_values = {rule.name for rule in rules if KINDS[rule.kind].reads == "values"}

    def newest(row: AlertRow) -> int:
        labels = json.loads(row.labels) if row.rule in of_values else {}
        last_seen_ns = evaluator.series.last_seen_ns(labels.get("process", ""), labels.get("data", CALLS))
        return newest_ns if last_seen_ns is None else last_seen_ns

    return newest


def main() -> None:
    """Run as the child process: read rules and history from standard input, and write the output of the rules."""
    heartbeat.start()
    rules, history = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
    evaluator = Evaluator(rules, (), AlertSet(rules))
    with closing(sqlite.connect(history.log)) as log:
        calls = tail.calls(log, foreign.shape(log, history.log), history.up_to_id)
        evaluator.take(calls, history.now_ns)
    _advance(evaluator, history)
    del evaluator.alerts.transitions[:-MAX_TRANSITIONS]
    pickle.dump(evaluator.drain_output(), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


def _advance(evaluator: Evaluator, history: BackfillRange) -> None:
    """Advance time to the end of the history: what ended in the past does not fire now."""
    evaluator.advance_windows(history.evaluated_ns)
    evaluator.alerts.advance_to(history.evaluated_ns)


def _start(rules: list[Rule], history: BackfillRange) -> "subprocess.Popen[bytes] | None":
    request = pickle.dumps((rules, history), pickle.HIGHEST_PROTOCOL)
    try:
        return subprocesses.start_process("obs_core.watch.backfill", request)
    except OSError:
        return None


def _output(process: "subprocess.Popen[bytes]") -> EvaluationOutput | None:
    """The output of the child process; None if it failed."""
    with process:
        assert process.stdout is not None
        descriptor, pieces = process.stdout.fileno(), [b""]
        while len(pieces) == 1 or pieces[-1]:
            heartbeat.beat()
            if not select.select((descriptor,), (), (), _SILENT_S)[0]:
                process.kill()
                return None
            pieces.append(os.read(descriptor, _PIECE))
    if process.returncode != 0:
        return None
    received = b"".join(pieces)
    pickled = received[received.index(pickle.PROTO) :]  # heartbeats precede it
    output: EvaluationOutput = pickle.loads(pickled)  # noqa: S301 - written by `main`
    return output


if __name__ == "__main__":
    main()
