"""The source of the code around functions that the fast path traces: no call needs an `OpenCall` (see `is_fast`).

It is written out in one piece of code, because each call of a function of ours would add 60-100 ns.
"""

from typing import Final

_START: Final = """
        _obs_get = _obs_tools.get
        _obs_running = _obs_before = _obs_get()
        _obs_now = _obs_tools.time_ns
        _obs_start = _obs_now()
        _obs_bits = _obs_tools.bits
        if _obs_running is None:
            _obs_off = _obs_tools.process.options.disabled
            _obs_running = _obs.remote
            if _obs_running is None:
                _obs_high, _obs_low, _obs_parent = _obs_start, _obs_bits(64), 0
            else:
                _obs_high, _obs_low, _obs_parent, _obs_name = _obs_running
        else:
            _obs_off = False
            _obs_high, _obs_low, _obs_parent, _obs_name = _obs_running
            if not _obs_parent:
                _obs, _obs_off, _obs_high, _obs_low, _obs_parent = _obs.without_parent(_obs_running)
        _obs_span = _obs_bits(64)
        _obs_set = _obs_tools.set
        _obs_clock = _obs_tools.perf_counter_ns
"""
"""The ids, the parent and the start of a call."""

_FRAME: Final = """
            _obs_type = _obs_tools.type
            _obs_type = _obs_type(_obs_result)
            if _obs_type is _obs.float or _obs_type in _obs.numbers:
                _obs_id = _obs.site_id
                _obs_dumps = _obs_tools.dumps
                _obs_value = _obs_dumps(_obs_result, 2)
            else:
                _obs_encode = _obs.encode
                _obs_id, _obs_value = _obs_encode(_obs_result, _obs_end)
                _obs_id |= _obs.site_id
        _obs_len = _obs_tools.len
        _obs_pack = _obs_tools.pack
        _obs_duration = _obs_end - _obs_began
        _obs_body = _obs_pack(
            _obs_len(_obs_value), _obs_id, _obs_high, _obs_low, _obs_span, _obs_parent, _obs_start, _obs_duration
        ) + _obs_value
        _obs_checksum = _obs_tools.adler32
        _obs_value = _obs_body + _obs_checksum(_obs_body).to_bytes(4, "little")
        _obs_sink = _obs_tools.sink
        try:
            _obs_sink.write(_obs_value)
        except _obs_tools.ValueError:
            _obs_sink.put(_obs_value)
"""
"""From the result of a call, which is not None, to its frame in the spool."""

_FAST: Final = """
    def _obs_function(): {free}
    _obs = {constant!r}
    _obs_tools = _obs.tools
    _obs_token = None
    _obs_before = _obs
    try:<start>
        if not _obs_off:
            _obs_token = _obs_set((_obs_high, _obs_low, _obs_span, _obs.name))
            _obs_began = _obs_clock()
    except _obs_tools.BaseException as _obs_error:
        _obs_off = True
        if _obs_before is not _obs:
            _obs_tools.set(_obs_before)
        _obs.not_started(_obs_error)
    try:
        _obs_result = _obs_function({call})
    except:
        pass  # resume
        if not _obs_off:
            try:
                _obs_tools.reset(_obs_token)
                _obs_token = None
            except _obs_tools.ValueError:
                pass
            _obs_ids = _obs_high, _obs_low, _obs_span, _obs_parent, _obs_start, _obs_began
            _obs.failed(_obs_token, _obs_ids, {arguments})
        {clear}
        raise
    try:
        pass  # resume
        {clear}
        if _obs_off:
            return _obs_result
        _obs_end = _obs_clock()
        _obs_reset = _obs_tools.reset
        _obs_reset(_obs_token)
        if _obs_result is None:
            _obs_id, _obs_value = _obs.none
        else:<frame>
    except _obs_tools.BaseException as _obs_error:
        try:
            _obs_tools.reset(_obs_token)
        except _obs_tools.ValueError:
            pass
        except _obs_tools.RuntimeError:
            pass
        _obs_ids = _obs_high, _obs_low, _obs_span, _obs_parent, _obs_start, _obs_began
        _obs.not_recorded(_obs_error, _obs_token, _obs_ids, _obs_result)
    return _obs_result
"""
FAST: Final = _FAST.replace("<start>", _START.rstrip()).replace("<frame>", _FRAME.rstrip())
"""A plain function without options that need more: one piece of code, because each call of ours would add 60-100 ns.

The running call is restored here: near the limit of recursion only functions in C can be called, and a signal handler
may raise a second exception as soon as a function of ours starts.
"""


def _deeper(lines: str) -> str:
    """`lines` for a function inside the function."""
    return lines.rstrip().replace("\n", "\n    ")


_FAST_GENERATOR: Final = """
    def _obs_function(): {free}
    def _obs_generator(_obs, _obs_steps, _obs_arguments):
        _obs_tools = _obs.tools
        try:<start>
            _obs_running = _obs_high, _obs_low, _obs_span, _obs.name
            _obs_began = _obs_clock()
        except _obs_tools.BaseException as _obs_error:
            _obs_off = True
            _obs.not_started(_obs_error)
        if _obs_off:
            return (yield from _obs_steps)
        _obs_ids = _obs_high, _obs_low, _obs_span, _obs_parent, _obs_start, _obs_began
        _obs_sent = _obs_thrown = _obs_token = None
        _obs_send = _obs_steps.send
        _obs_reset = _obs_tools.reset
        while True:
            try:
                _obs_before = _obs_get()
                _obs_token = _obs_set(_obs_running)
                if _obs_thrown is None:
                    _obs_item = _obs_send(_obs_sent)
                else:
                    _obs_item = _obs_steps.throw(_obs_thrown)
            except _obs_tools.StopIteration as _obs_stop:
                _obs_result = _obs_stop.value
                break
            except _obs_tools.BaseException as _obs_error:
                if _obs_token is not None:
                    try:
                        _obs_reset(_obs_token)
                    except _obs_tools.ValueError:
                        pass
                    except _obs_tools.RuntimeError:
                        pass
                _obs.stopped(_obs_error, _obs_token, _obs_before, _obs_ids, _obs_arguments)
                raise
            finally:
                _obs_sent = _obs_thrown = None
            try:
                try:
                    _obs_reset(_obs_token)
                except _obs_tools.ValueError:
                    _obs_tools.restore(_obs_token, _obs_running)
                _obs_token = None
            except _obs_tools.BaseException as _obs_error:
                if _obs_token is not None:
                    try:
                        _obs_reset(_obs_token)
                    except _obs_tools.ValueError:
                        pass
                    except _obs_tools.RuntimeError:
                        pass
                _obs.stopped(_obs_error, _obs_token, _obs_before, _obs_ids, _obs_arguments)
                raise
            try:
                _obs_sent = yield _obs_item
            except _obs_tools.BaseException as _obs_error:
                _obs_thrown = _obs_tools.without_frame(_obs_error)
            finally:
                _obs_item = None
        try:
            _obs_end = _obs_clock()
            _obs_reset(_obs_token)
            if _obs_result is None:
                _obs_id, _obs_value = _obs.no_result
            else:<frame>
        except _obs_tools.BaseException as _obs_error:
            try:
                _obs_reset(_obs_token)
            except _obs_tools.ValueError:
                pass
            except _obs_tools.RuntimeError:
                pass
            _obs.not_ended(_obs_error, _obs_token, _obs_ids, _obs_result)
        return _obs_result
    _obs = {constant!r}
    return _obs.generator(_obs_generator)(_obs, _obs_function({call}), {arguments})
"""
FAST_GENERATOR: Final = _FAST_GENERATOR.replace("<start>", _deeper(_START)).replace("<frame>", _deeper(_FRAME))
"""A generator without options that need more: `GENERATOR` with its `OpenCall` written out, in half the time."""
