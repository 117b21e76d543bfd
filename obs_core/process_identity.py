"""Which process a pid names: whether it is alive, when it started, and in which pid namespace."""

import os


def pid_lives(pid: int, birth: int) -> bool:
    """Whether the process `pid` that was born at `birth` still runs."""
    now = birth_of(pid)
    if now is not None:
        return birth in (0, now)
    if os.path.exists("/proc/self/stat"):  # noqa: PTH110 - pathlib costs the traced program 2 ms
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def birth_of(pid: int) -> int | None:
    """When `pid` was born, in clock ticks since boot (proc(5), field 22); None if it is dead, a zombie or unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as facts:  # noqa: PTH123 - as above
            words = facts.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if words[0] in b"ZX" else int(words[19])


def own_space() -> str:
    """The namespace in which pids of this process mean something: the host's boot and the pid namespace."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123 - as above
            return f"{boot.read().strip()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - as above
    except OSError:
        return os.uname().nodename if hasattr(os, "uname") else ""
