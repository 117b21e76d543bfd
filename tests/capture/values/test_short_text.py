"""Results of a busy loop are described in short: types and plain fields are right, and no secret is in them."""

import marshal
from collections import deque
from typing import Any, NamedTuple

import pytest

from obs_core.capture.calls import results
from obs_core.capture.spool.frames import DESCRIBED
from obs_core.capture.values import short_text
from obs_core.capture.values.allowance import Allowance
from obs_core.capture.values.describe import describe, describe_result


class Slotted:
    """An object with slots."""

    __slots__ = ("_hidden", "empty", "host", "port")

    def __init__(self) -> None:
        """Fill all but one."""
        self.host, self.port, self._hidden = "a" * 61, 8080, "x"


class Account:
    """An object with any fields."""

    def __init__(self, **fields: object) -> None:
        """Have these fields."""
        vars(self).update(fields)

    def __repr__(self) -> str:
        """Fail."""
        raise AssertionError("code of the program ran")

    __str__ = __repr__


class Point(NamedTuple):
    """A record."""

    x: int
    token: object


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> Allowance:
    """An allowance of which nothing is left for years; there is one left for short descriptions."""
    used = Allowance()
    used.used_until_ns = 4 * 10**18
    monkeypatch.setattr(short_text, "allowance", used)
    monkeypatch.setattr(short_text, "short_allowance", Allowance())
    monkeypatch.setattr(short_text, "perf_counter_ns", lambda: 10**18)
    return used


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Account(id=3, ratio=0.5, ok=True, none=None, _private=1), "Account(id=3, ratio=0.5, ok=True, none=None)"),
        (Account(owner=Account(id=1), tags=["a"]), "Account(owner=<Account>, tags=<list>)"),
        (Account(**{f"f{n}": n for n in range(9)}), f"Account({', '.join(f'f{n}={n}' for n in range(8))}, …)"),
        (Account(huge=1 << 70, raw=b"x"), "Account(huge=<int>, raw=<bytes>)"),
        (Slotted(), f"Slotted(host='{'a' * 60}'…, port=8080)"),
        ([Account(), 1, "a"], "[<Account>, 1, 'a']"),
        ((Account(),), "(<Account>,)"),
        ([Account()] * 9, "<list of 9>"),
        ({"a": Account()}, "<dict of 1>"),
        (deque([Account()]), "<deque of 1>"),
        (Point(1, Account()), "Point(x=1, token=[redacted])"),
        (Account(password="p", name="x"), "Account(password=[redacted], name='x')"),  # noqa: S106 - the case
        (Account(name="cookie", value="v"), "Account(name='cookie', value=[redacted])"),
        (Account(name="color", value="v"), "Account(name='color', value='v')"),
        (Account(note="token: abc"), "Account(note='token: [redacted]')"),
        (Account(url="x" * 40 + " postgres://me:pa55word@host"), f"Account(url='{'x' * 40} postgres://me:[reda'…)"),
        (["--password", "abc", Account()], "['--password', [redacted], <Account>]"),
        (("authorization", Account()), "('authorization', [redacted])"),
    ],
)
def test_the_short_text_of_a_result(value: object, text: str) -> None:
    assert describe_result(value) == (None, {"type": type(value).__name__, "text": text})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Account(name="x"), "<Account>"),
        (Slotted(), "<Slotted>"),
        (Point(1, "x"), "<Point>"),
        ([Account()], "<list of 1>"),
        ({"a": Account()}, "<dict of 1>"),
        ({"a": {"password": "p"}}, "<dict of 1>"),
    ],
)
def test_without_time_for_short_texts_a_result_is_its_type(
    value: object, text: str, used: Allowance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_text, "short_allowance", used)
    details = {"type": type(value).__name__, "text": text}
    assert describe_result(value) == (None, details)
    for now_ns in (10**18, 10**18, 2 * 10**18):
        monkeypatch.setattr(results, "allowance", used)
        monkeypatch.setattr(results, "short_allowance", used)
        flag, encoded = results.encode_result(value, now_ns)
        assert (flag, marshal.loads(encoded)) == (DESCRIBED, (None, details))  # noqa: S302 - our own


def test_a_loop_that_only_makes_objects_spends_a_twentieth_on_short_texts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10**18]

    def read() -> int:
        clock[0] += 2_000  # each reading of the clock takes 2 us, so a short description takes 2 us
        return clock[0]

    monkeypatch.setattr(short_text, "perf_counter_ns", read)
    texts = [describe_result(Account(a=1))[1]["text"] for _ in range(200_000)]  # type: ignore[index]
    used_ns = 2_000 * texts.count("Account(a=1)")
    assert set(texts) == {"Account(a=1)", "<Account>"}
    assert used_ns == pytest.approx(10_000_000 + (clock[0] - 10**18) / 20, rel=0.01)


def test_readings_texts_numbers_and_plain_containers_are_always_complete() -> None:
    tree: Any = Account(owner=Account(id=1))
    assert describe(tree)[1] == {"type": "Account", "text": "Account(owner=Account(id=1))"} | {
        "hash": describe(Account(owner=Account(id=1)))[1]["hash"]  # type: ignore[index]
    }
    assert describe_result({"a": 1, "b": "x"}) == ({"a": 1, "b": "x"}, None)
    assert describe_result("a " * 300)[1] is None


def test_full_descriptions_take_a_twentieth_of_the_time_and_ten_milliseconds_at_once() -> None:
    allowance, now_ns, full = Allowance(), 10**15, 0
    for _ in range(10_000):  # calls of 50 us; a full description takes 100 us more
        now_ns += 50_000
        if allowance.is_left(now_ns):
            full += 1
            now_ns += 100_000
            allowance.spend(100_000, now_ns)
    taken_ns = now_ns - 10**15
    assert full * 100_000 == pytest.approx(taken_ns / 20 + 10_000_000, rel=0.01)
