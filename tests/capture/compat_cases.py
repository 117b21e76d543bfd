# mypy: ignore-errors
# ruff: noqa: ANN401, ARG002, ARG005, C901
"""Programs that notice a tracer: each case must give the same result with tracing and without.

`python compat_cases.py` runs them all and prints a line for each. Standard library only, any Python from 3.11 on.
"""

import asyncio
import builtins
import contextlib
import contextvars
import copy
import functools
import gc
import importlib
import inspect
import io
import pickle
import re
import signal
import sys
import threading
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import obs_core
from obs_core import extracted, span, trace

CASES: dict[str, Callable[[], object]] = {}


def case(function: Callable[[], object]) -> Callable[[], object]:
    """Register a case."""
    CASES[function.__name__] = function
    return function


def module(name: str, source: str) -> Any:
    """A module with this source, with all its functions traced by `instrument`."""
    made: Any = types.ModuleType(name)
    sys.modules[name] = made
    exec(source, vars(made))  # noqa: S102 - as above
    obs_core.instrument(made)
    return made


def raised(call: Callable[[], object]) -> str:
    """The result of `call`, or its exception with the functions of the traceback."""
    try:
        return repr(call())
    except BaseException as error:  # noqa: BLE001 - it is the result
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return f"{type(error).__name__}: {error} in {names} {error.__context__!r}"


@trace
def plain(a: int = 1, /, b: int = 2, *more: int, c: int = 3, **rest: int) -> list[object]:
    """Have parameters of every kind."""
    return [a, b, more, c, rest]


@case
def signature_defaults_and_file() -> object:
    described = inspect.signature(plain), inspect.getfullargspec(plain), inspect.getfile(plain) == __file__
    return described, plain.__defaults__, plain.__kwdefaults__, plain.__code__.co_argcount, vars(plain)


@case
def parameters_are_passed_and_errors_of_binding_are_those_of_the_function() -> object:
    calls = (lambda: plain(), lambda: plain(5, 6, 7, c=8, d=9), lambda: plain(a=1), lambda: plain(b=1, c=4))  # noqa: PLW0108
    return [raised(call) for call in calls]


@case
def parameters_may_have_any_name() -> object:
    names = [
        "_",
        "__",
        "___",
        "name",
        "error",
        "result",
        "value",
        "own",
        "scope",
        "token",
        "pack",
        "get",
        "reset",
        "self",
    ]
    made = module(
        "named",
        f"def plain({', '.join(names)}): return locals()\n"
        f"def rest({names[0]}, *{names[1]}, **{names[2]}): return locals()\n"
        f"def steps({', '.join(names)}): yield locals()\n"
        f"async def task({', '.join(names)}): return locals()\n"
        "def outer(call, *args): return call(*args)\n",
    )
    numbers = range(len(names))
    return (
        made.outer(made.plain, *numbers),
        made.outer(made.rest, 1, 2, 3),
        made.outer(lambda: made.rest(1, 2, a=3)),
        made.outer(lambda: list(made.steps(*numbers))),
        made.outer(lambda: asyncio.run(made.task(*numbers))),
    )


@case
def identity_pickle_and_copy() -> object:
    same = pickle.loads(pickle.dumps(plain)) is plain  # noqa: S301 - our own
    return same, copy.deepcopy(plain) is plain, plain.__module__, plain.__qualname__


@case
def tables_defaults_and_registries_hold_the_same_function() -> object:
    made = module(
        "held",
        "def key(x): return x\n"
        "TABLE = {'key': key}\n"
        "def group(x, by=key): return by is key and TABLE['key'] is key\n"
        "class Row:\n    def size(self): return 1\n"
        "class Box:\n    row = staticmethod(Row)\n    @property\n    def one(self): return 1\n",
    )
    return (
        made.group(1),
        made.Box.row().size(),
        made.Box().one,
        pickle.loads(pickle.dumps(made.TABLE))["key"] is made.key,  # noqa: S301 - our own
    )


@case
def subclasses_of_descriptors_stay() -> object:
    class Hybrid(classmethod):
        def __init__(self, function: Any, extra: str) -> None:
            super().__init__(function)
            self.extra = extra

    class Computed(property):
        def __set__(self, one: Any, value: Any) -> None:
            vars(one)["value"] = value

    class Holder:
        hybrid = trace(Hybrid(lambda cls: cls.__name__, "x"))
        computed = trace(Computed(lambda self: vars(self).get("value", 0)))

        @trace
        @functools.cached_property
        def cached(self) -> int:
            return 5

        @functools.singledispatchmethod
        def shown(self, value: object) -> str:
            return "object"

        @shown.register
        def _(self, value: int) -> str:
            return "int"

        partly = functools.partialmethod(lambda self, a, b: (a, b), 1)

    trace(Holder)
    one = Holder()
    one.computed = 7
    return Holder.hybrid(), vars(Holder)["hybrid"].extra, one.computed, one.cached, one.shown(1), one.partly(2)


@case
def callables_that_are_no_functions_keep_their_attributes() -> object:
    @trace
    @functools.lru_cache
    def cached(x: int) -> int:
        return x

    class Task:
        runs = 0

        def __call__(self, x: int) -> int:
            self.runs += 1
            return x

    task = trace(Task())
    bound, part, builtin = trace([1].append), trace(functools.partial(plain, 3)), trace(len)
    bound(2)
    cached(1)
    return cached.cache_info(), task(4), task.runs, part(), part.args, builtin([1, 2]), bound.__name__


@case
def closures_super_and_classes_with_cells() -> object:
    class Base:
        @trace
        def me(self) -> str:
            return __class__.__name__

    class Child(Base):
        @trace
        def me(self) -> str:
            return super().me() + self.__class__.__name__

    count = 0

    @trace
    def more() -> int:
        nonlocal count
        count += 1
        return count

    more()
    return Child().me(), more(), count, [cell.cell_contents for cell in more.__closure__ or ()]


@case
def traced_functions_are_freed() -> object:
    class Big:
        pass

    def make() -> weakref.ref[Big]:
        big = Big()

        @trace
        def use(n: int) -> object:
            return use(n - 1) if n else big

        use(2)
        return weakref.ref(big)

    left = make()
    gc.collect()
    return left()


@case
def tracebacks_have_no_frames_of_ours() -> object:
    @trace
    def inner(x: int) -> float:
        return 1 / x

    @trace
    def outer(x: int) -> float:
        return inner(x)

    @trace
    async def later(x: int) -> float:
        await asyncio.sleep(0)
        return outer(x)

    @trace
    def steps(x: int) -> Iterator[float]:
        yield outer(x)

    return [raised(lambda: outer(0)), raised(lambda: next(steps(0))), raised(lambda: asyncio.run(later(0)))]


@case
def exceptions_that_refuse_attributes() -> object:
    class Frozen(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    class Stop(BaseException):
        pass

    class Shown:
        def __repr__(self) -> str:
            raise Stop

    texts = []

    class Counted(Exception):
        def __str__(self) -> str:
            texts.append(threading.current_thread() is threading.main_thread())
            return "counted"

    @trace
    def fail(error: BaseException) -> None:
        raise error

    class Refusing(Exception):
        args = __cause__ = __context__ = __traceback__ = __notes__ = property(lambda self: sys.exit("read"))

    names = []
    for error in (Frozen(1), LookupError(Shown()), Counted(), Refusing(1)):
        try:
            fail(error)
        except BaseException as caught:  # noqa: BLE001 - it is the result
            names.append(type(caught).__name__)
    return names, len(texts) <= 1 and all(texts)


@case
def the_error_of_the_program_at_the_recursion_limit() -> object:
    ran = []

    @trace
    def boom() -> None:
        ran.append(1)
        raise KeyError

    def at(depth: int) -> None:
        if depth:
            at(depth - 1)
        else:
            boom()

    replaced = 0
    for depth in range(sys.getrecursionlimit() - 120, sys.getrecursionlimit()):
        ran.clear()
        try:
            at(depth)
        except KeyError:
            pass
        except RecursionError:
            replaced += bool(ran)
    return replaced


@case
def contexts_are_left_elsewhere() -> object:
    @types.coroutine
    def pause() -> Any:
        yield

    @trace
    async def waits() -> int:
        await pause()
        return 3

    @contextlib.contextmanager
    def session() -> Iterator[None]:
        with span("session"):
            yield

    one, other = contextvars.copy_context(), contextvars.copy_context()
    first, second, manager = waits(), waits(), session()
    one.run(first.send, None)
    one.run(second.send, None)
    results = [raised(lambda: other.run(first.send, None)), raised(second.close)]
    one.run(manager.__enter__)
    manager.__exit__(None, None, None)
    left = extracted({})
    one.run(left.__enter__)
    left.__exit__()
    return results, obs_core.current_trace_id()


@case
def generators_follow_the_protocol() -> object:
    @trace
    def stubborn() -> Any:
        while True:
            try:
                yield 1
            except GeneratorExit:
                yield 2

    @trace
    def valued() -> Any:
        try:
            yield 1
        except GeneratorExit:
            return 9

    @trace
    def talks() -> Any:
        got = []
        while len(got) < 3:
            try:
                got.append((yield len(got)))
            except ValueError as error:
                got.append(str(error))
        return got

    @contextlib.contextmanager
    @trace
    def suppress() -> Iterator[None]:
        with contextlib.suppress(GeneratorExit):
            yield

    def work() -> Iterator[int]:
        with suppress():
            yield 1
        results.append("after")

    results: list[object] = []
    thrown, closed, talk, worker = stubborn(), valued(), talks(), work()
    next(thrown), next(closed), next(talk), next(worker)
    results += [thrown.throw(GeneratorExit()), closed.close(), talk.send("a"), talk.throw(ValueError("b"))]
    results += [raised(lambda: talk.send("c")), raised(worker.close), raised(thrown.close)]
    return results, raised(lambda: stubborn(1)), list(talks.__code__.co_varnames[:0])


@case
def generators_leave_no_cycle() -> object:
    class Big:
        pass

    seen = []

    @trace
    def steps() -> Iterator[None]:
        big = Big()
        seen.append(weakref.ref(big))
        with contextlib.suppress(ValueError):
            yield

    gc.disable()
    running = steps()
    next(running)
    with contextlib.suppress(StopIteration):
        running.throw(ValueError())
    del running
    freed = seen[0]() is None
    gc.enable()
    return freed


@case
def a_kept_exception_does_not_keep_arguments_that_were_deleted() -> object:
    class Big:
        pass

    @trace
    def deeper() -> None:
        raise LookupError

    @trace
    def fail(big: Big) -> None:
        seen.append(weakref.ref(big))
        del big
        deeper()

    seen: list[weakref.ref[Big]] = []
    try:
        fail(Big())
    except LookupError as error:
        kept = error
    return seen[0]() is None, type(kept)


@case
def coroutines_of_every_kind() -> object:
    @trace
    @types.coroutine
    def tick() -> Any:
        yield
        return 5

    @trace
    async def load(kind: str, n: int) -> object:
        await asyncio.sleep(0)
        if n < 0:
            raise ValueError(kind)
        return kind, n

    @trace
    async def ticks(n: int) -> Any:
        try:
            for number in range(n):
                yield number
        finally:
            closed.append(n)

    closed: list[int] = []
    part = trace(name="user")(functools.partial(load, "user"))

    async def main() -> list[object]:
        results: list[object] = [await tick(), await part(1), [number async for number in ticks(3)]]
        some = ticks(5)
        await anext(some)
        await asyncio.create_task(some.aclose())
        task = asyncio.create_task(load("x", 1))
        task.cancel()
        return [*results, await asyncio.gather(part(-1), task, return_exceptions=True), closed]

    started = load("x", 1)
    names = started.cr_frame.f_globals["__name__"], started.cr_code.co_name, started.__qualname__
    started.close()
    return repr(asyncio.run(main())), names, inspect.iscoroutinefunction(part), raised(lambda: load(1))


@case
def hooks_of_async_generators_get_those_of_the_program() -> object:
    seen: list[str] = []

    @trace
    async def ticks() -> Any:
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")
            await asyncio.sleep(0)
            seen.append("and waited")

    async def main(*, stop: bool) -> None:
        outer = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            lambda one: (seen.append(f"first {one.__name__}"), outer.firstiter(one))[1],
            lambda one: (seen.append(f"last {one.__name__}"), outer.finalizer(one))[1],
        )
        async for _ in ticks():
            break
        if not stop:
            gc.collect()
            await asyncio.sleep(0.01)
        else:
            asyncio.current_task().left = ticks()
            await anext(asyncio.current_task().left)

    for stop in (False, True):
        asyncio.run(main(stop=stop))
    return seen


@case
def values_are_described_without_running_code() -> object:
    events = []

    class Lazy:
        @property
        def __class__(self) -> type:
            events.append("class")
            return dict

        def __len__(self) -> int:
            events.append("len")
            return 1

    @trace(args=True)
    def make(given: object) -> object:
        return given

    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            sys.exit("compared")

        def __hash__(cls) -> int:  # noqa: PLE0309 - it never returns
            sys.exit("hashed")

    class Odd(metaclass=Meta):
        pass

    make(Lazy())
    obs_core.record("odd", Odd())
    return events, type(make(Odd())).__name__, make([Odd()])[0].__class__.__name__


@case
def what_recording_uses_may_be_traced() -> object:
    obs_core.instrument(re)
    obs_core.instrument(threading)
    real, hooked = builtins.__import__, []

    @trace
    def hook(name: str, *rest: Any) -> Any:
        if threading.current_thread() is threading.main_thread():  # what our thread imports is not counted
            hooked.append(name)
        return real(name, *rest)

    @trace
    def fail() -> None:
        raise LookupError("Bearer abcdefghijk token=abc")

    builtins.__import__ = hook
    results = [raised(fail) for _ in range(5)]
    importlib.invalidate_caches()
    import colorsys  # noqa: F401, PLC0415

    builtins.__import__ = real
    worker = threading.Thread(target=plain)
    worker.start()
    worker.join()
    return results, hooked.count("colorsys"), re.sub("a", r"\g<0>b", "a"), bool(obs_core.uninstrument("re")) is None


@case
def a_signal_handler_may_raise_at_any_time() -> object:
    class Late(Exception):
        pass

    def handler(*_: object) -> None:
        raise Late

    @trace
    def numbers() -> Iterator[list[int]]:
        while True:
            yield [1, 2]

    @trace(args=True)
    def node(text: str) -> object:
        return types.SimpleNamespace(text=text, rows=[{"a": "b: c"}] * 9)

    caught = 0
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    signal.signal(signal.SIGALRM, handler)
    for round_ in range(200):
        steps = numbers()
        with contextlib.suppress(Late):  # a second one
            try:  # Python ignores one that it raises in the callback of a weak reference, so they are repeated
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + round_ * 1e-6, 0.05)
                while True:
                    plain()
                    next(steps)
                    node("x")
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        caught += 1
    sys.unraisablehook = hook
    return caught, obs_core.current_trace_id()


@case
def warnings_are_given_once_more() -> object:
    @trace
    def old() -> None:
        warnings.warn("use new()", DeprecationWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        old()
    return [(warning.filename == __file__, warning.lineno) for warning in seen]


@case
def warnings_name_the_caller_of_every_kind_of_function() -> object:
    @trace
    def steps() -> Iterator[int]:
        warnings.warn("generator", UserWarning, stacklevel=2)
        yield 1

    @trace
    async def task() -> None:
        warnings.warn("coroutine", UserWarning, stacklevel=2)

    @trace
    async def ticks() -> Any:
        warnings.warn("async generator", UserWarning, stacklevel=2)
        yield 1

    @contextlib.contextmanager
    @trace
    def block() -> Iterator[None]:
        warnings.warn("context manager", UserWarning, stacklevel=3)
        yield

    @trace
    async def through() -> None:
        await task()
        async for _ in ticks():
            pass
        with block():
            list(steps())

    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        asyncio.run(through())
    return [(str(one.message), one.filename == __file__, one.lineno) for one in given]


@case
def generators_and_coroutines_name_their_file() -> object:
    @trace
    def steps() -> Iterator[int]:
        yield 1

    @trace
    async def task() -> None:
        await asyncio.sleep(1)

    async def main() -> list[str]:
        running = asyncio.create_task(task())
        await asyncio.sleep(0)
        shown, printed = repr(running), io.StringIO()
        running.print_stack(file=printed)
        running.cancel()
        lines = [re.sub(r"line \d+|:\d+>|Task-\d+", "", line) for line in [shown, *printed.getvalue().splitlines()[:2]]]
        return [*lines, f"{running.get_coro().cr_code.co_filename}", running.get_coro().cr_code.co_filename == __file__]

    file = steps().gi_code.co_filename
    names = [f"{file}:", str(file), "%s" % file, repr(file), ":" + file + ":", file == __file__, file.endswith(".py")]  # noqa: UP031
    return names, {__file__: 1}.get(file), asyncio.run(main())


@case
def a_coroutine_that_nobody_awaits_is_named_once_with_its_origin() -> object:
    @trace
    async def task(x: int) -> int:
        return x

    depth = sys.get_coroutine_origin_tracking_depth()
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        # on 3.11 the origin has a frame of ours, too
        sys.set_coroutine_origin_tracking_depth(2 if sys.version_info >= (3, 12) else 0)
        task(1)
        sys.set_coroutine_origin_tracking_depth(depth)
        gc.collect()
    return [str(one.message) for one in given]


@case
def generators_become_awaitable_after_trace() -> object:
    @types.coroutine
    @trace
    def old(x: int) -> Iterator[Any]:
        yield from asyncio.sleep(0).__await__()
        return x

    async def main() -> list[Any]:
        return [await old(1), await old(2), inspect.isawaitable(old(3)), inspect.isgenerator(old(4))]

    @trace
    def other() -> Iterator[int]:
        yield 1

    return asyncio.run(main()), inspect.isawaitable(other()), inspect.isgeneratorfunction(other)


@trace
def who() -> object:
    """Look at the callers, as `namedtuple`, `warnings` and `logging` do."""
    warnings.warn("ask another", UserWarning, stacklevel=2)
    frames = sys._getframe(1), inspect.currentframe().f_back  # type: ignore[union-attr]
    return [frame.f_code.co_name for frame in (*frames, frames[0].f_back)]


@trace(args=True)
def who_with_options(first: object = None) -> object:
    warnings.warn("ask another", UserWarning, stacklevel=2)
    return [frame.name for frame in traceback.extract_stack()], inspect.stack()[1].function, bool(first)


@case
def the_caller_of_a_function_is_one_level_up() -> object:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answers = who(), who_with_options(), list(map(who_with_options, [1, 2]))
    made = module("levels", "import sys\ndef caller(): return sys._getframe(1).f_globals['__name__']\n")
    return answers, [(warning.filename == __file__, warning.lineno) for warning in seen], made.caller()


@case
def recursion_shows_each_level_once() -> object:
    @trace
    def depth(n: int) -> int:
        return depth(n - 1) if n else len(inspect.stack())

    def plain_depth(n: int) -> int:
        return plain_depth(n - 1) if n else len(inspect.stack())

    return depth(20) - plain_depth(20)


@case
def tracers_get_a_return_for_each_call() -> object:
    class Late(Exception):
        pass

    @trace
    def leaf(x: int) -> int:
        if x < 0:
            raise Late
        return x

    @trace(args=True)
    def middle(x: int) -> int:
        return leaf(x)

    @trace
    def steps(x: int) -> Iterator[int]:
        yield middle(x)

    def work() -> None:
        for x in (1, -1, 2, -2, 3):
            with contextlib.suppress(Late):
                middle(x)
            with contextlib.suppress(Late):
                leaf(x)
            with contextlib.suppress(Late):
                list(steps(x))

    def check(frame: types.FrameType, event: str, _argument: object) -> Any:
        if event == "call":
            open_calls.append(frame)
        elif event == "return":
            wrong.append(open_calls.pop() is not frame if open_calls else None)
        elif event == "line" and open_calls:
            wrong.append(open_calls[-1] is not frame)
        return check

    results = []
    for hook in (sys.setprofile, sys.settrace):
        open_calls, wrong = [], []  # type: list[types.FrameType], list[object]
        hook(check)
        work()
        work()
        hook(None)
        results.append((wrong.count(True), wrong.count(None) <= 1, len(wrong) > 20))
    return results


if __name__ == "__main__":
    for name, function in CASES.items():
        print(name, "->", re.sub("0x[0-9a-f]+", "0x", raised(function)), flush=True)
