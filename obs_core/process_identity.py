"""The identity of a process: whether it is alive, when it started, and its pid namespace."""

from obs_core.system import open_file, os


def pid_lives(pid: int, birth: int) -> bool:
    """Whether the process `pid` that started at `birth` (clock ticks since boot; 0: unknown) still runs."""
    now = birth_of(pid)
    if now is not None:
        return birth in (0, now)
    if os.path.exists("/proc/self/stat"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def birth_of(pid: int) -> int | None:
    """The start of `pid` in clock ticks since boot (proc(5), field 22); None if it is dead, a zombie or unknown."""
    try:
        with open_file(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in b"ZX" else int(fields[19])


def pid_namespace() -> str:
    """The scope in which the pids of this process are unique: the host's boot id and the pid namespace."""
    try:
        with open_file("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
            return f"{boot.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename if hasattr(os, "uname") else ""
