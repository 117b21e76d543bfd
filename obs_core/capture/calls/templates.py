"""The source of the code around a traced function, for each kind of function (see `outer_code`).

`{constant}` is replaced by the `TracedFunction`, `{call}` by the parameters as they are passed, `{arguments}` by a dict
of them, `{free}` by the free variables of the function's own code, which replaces `_obs_function`, and `{clear}` by
the end of the parameters: a traceback may keep this frame, and what they refer to. No global name is used.

A plain function has two lines `pass  # resume`: after the call of its own code, and first in the handler of
exceptions. Up to there, `hidden_frame` makes the stack frame invisible. Both must come before anything that returns.
"""

from typing import Final

OPTIONS: Final = """
    def _obs_function(): {free}
    _obs = {constant!r}
    _obs_tools = _obs.tools
    _obs_call = _obs.started({arguments})
    try:
        if _obs_call is not None:
            _obs_call.enter()
        _obs_result = _obs_function({call})
    except:
        pass  # resume
        if _obs_call is not None:
            _obs.raised(_obs_call)
        {clear}
        raise
    try:
        pass  # resume
        {clear}
        if _obs_call is not None:
            _obs_call.returned(_obs_result)
    except _obs_tools.BaseException:
        if _obs_call is not None:
            _obs_call.leave()
        raise
    return _obs_result
"""

GENERATOR: Final = """
    def _obs_function(): {free}
    def _obs_generator(_obs, _obs_steps, _obs_arguments):
        _obs_tools = _obs.tools
        _obs_call = _obs.started(_obs_arguments)
        _obs_arguments = None
        if _obs_call is None:
            return (yield from _obs_steps)
        _obs_sent = _obs_thrown = None
        _obs_get, _obs_set, _obs_reset = _obs_tools.get, _obs_tools.set, _obs_tools.reset
        while True:
            try:
                _obs_call.outer = _obs_get()
                _obs_call.token = _obs_set(_obs_call.running)
                if _obs_thrown is None:
                    _obs_item = _obs_steps.send(_obs_sent)
                else:
                    _obs_item = _obs_steps.throw(_obs_thrown)
            except _obs_tools.StopIteration as _obs_stop:
                _obs_call.ended(_obs_stop.value)
                return _obs_stop.value
            except _obs_tools.BaseException as _obs_error:
                _obs_call.raised(_obs_error)
                raise
            finally:
                _obs_sent = _obs_thrown = None
            try:
                try:
                    _obs_reset(_obs_call.token)
                    _obs_call.token = None
                except _obs_tools.ValueError:
                    _obs_call.leave()
            except _obs_tools.BaseException as _obs_error:
                _obs_call.raised(_obs_error)
                raise
            try:
                _obs_sent = yield _obs_item
            except _obs_tools.BaseException as _obs_error:
                _obs_thrown = _obs_tools.without_frame(_obs_error)
            finally:
                _obs_item = None
    _obs = {constant!r}
    return _obs.generator(_obs_generator)(_obs, _obs_function({call}), {arguments})
"""
"""A generator. `enter` and `leave` of its call are written out: each step has both, and calls of ours add 60-100 ns.

The function's code is that of a plain function, which makes the generator that runs the steps: this one has another
name of file, see `hidden_frame`. A GeneratorExit is passed on like any exception: only the interpreter knows `close`
from `throw`.
"""

COROUTINE: Final = """
    def _obs_function(): {free}
    async def _obs_coroutine(_obs, _obs_start, _obs_arguments):
        _obs_tools = _obs.tools
        try:
            _obs_steps = _obs_tools.steps(_obs.started(_obs_arguments), _obs_start())
            _obs_start = _obs_arguments = None
            return await _obs_steps
        except _obs_tools.BaseException as _obs_error:
            _obs_tools.without_frame(_obs_error)
            raise
    _obs = {constant!r}
    _obs_partial = _obs.tools.partial
    _obs_coroutine = _obs_coroutine(_obs, _obs_partial(_obs_function, {call}), {arguments})
    pass  # resume
    return _obs_coroutine
"""
"""A coroutine. The own one starts with the first step: before that, two of them would complain that nobody awaits them.

The frame that makes it is hidden from `sys.set_coroutine_origin_tracking_depth`.
"""

ASYNC_GENERATOR: Final = """
    def _obs_function(): {free}
    async def _obs_generator(_obs, _obs_steps, _obs_arguments):
        _obs_tools = _obs.tools
        _obs_call = _obs.started(_obs_arguments)
        _obs_next = _obs_tools.first_step(_obs_steps)
        _obs_sent = _obs_thrown = _obs_arguments = None
        while True:
            try:
                if _obs_next is None:
                    if _obs_thrown is None:
                        _obs_next = _obs_steps.asend(_obs_sent)
                    else:
                        _obs_next = _obs_steps.athrow(_obs_thrown)
                _obs_item = await _obs_tools.step(_obs_call, _obs_next)
            except _obs_tools.StopAsyncIteration:
                if _obs_call is not None:
                    _obs_call.ended(None)
                return
            except _obs_tools.BaseException as _obs_error:
                if _obs_call is None:
                    _obs_tools.without_frame(_obs_error)
                else:
                    _obs_call.raised(_obs_error)
                raise
            finally:
                _obs_next = _obs_sent = _obs_thrown = None
            try:
                _obs_sent = yield _obs_item
            except _obs_tools.BaseException as _obs_error:
                _obs_thrown = _obs_tools.without_frame(_obs_error)
            finally:
                _obs_item = None
    _obs = {constant!r}
    return _obs_generator(_obs, _obs_function({call}), {arguments})
"""
"""An async generator. The hooks of the event loop get this one only: they would close the inner one, too."""
