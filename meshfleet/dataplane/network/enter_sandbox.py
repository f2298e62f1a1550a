"""Becomes a program of a pod: the last step of `dataplane.network.sandbox`, run in namespaces that were just made.

    python -I -S enter_sandbox.py < DESCRIPTION

DESCRIPTION is the JSON of a `Sandbox`. This is the only code that runs as root with something of a pod in its hands, so
it looks nothing up: no PATH, no shell, no environment but that of the program, which it gets with the program itself.
It imports next to nothing, since it runs for each container.

The root is a file system in memory, of which the program sees the system's own programs and libraries, the files it
was given, and a /proc of its own. Paths come from the pod as well: each is walked from the new root by descriptors and
without following a link, so that none leads out of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import stat
import sys

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 8, 32, 4096
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 24, 38, 47, 2
_CAPABILITY_VERSION = 0x20080522
_EINVAL = 22
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ssl", "/etc/localtime")
_FOLDERS = {"/tmp": 0o1777, "/run": 0o755, "/var": 0o755, "/dev/shm": 0o1777}  # noqa: S108 - those of the new root
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}

_libc = ctypes.CDLL(None, use_errno=True)


def _require(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = (source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None)
    _require(_libc.mount(*arguments), f"mount {target}")


def _walk(root: int, path: str) -> int:
    """A descriptor of the folder at a path below `root`, made where it is missing."""
    here = os.dup(root)
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if name == "..":
            raise ValueError(f"{path}: leads upwards")
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=here)
        there = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        os.close(here)
        here = there
    return here


def _bind(root: int, source: str, target: str, *, writable: bool) -> None:
    """Show a folder or a file at a path below `root`."""
    origin = os.open(source, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if stat.S_ISDIR(os.fstat(origin).st_mode):
        place = _walk(root, target)
    else:
        folder, _, name = target.rpartition("/")
        parent = _walk(root, folder)
        os.close(
            os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644, dir_fd=parent)
        )
        place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        os.close(parent)
    _mount(f"/proc/self/fd/{origin}", f"/proc/self/fd/{place}", "", _MS_BIND)
    os.close(origin)
    os.close(place)
    flags = _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NODEV | (0 if writable else _MS_RDONLY)
    # What was opened before is below the mount.
    folder, _, name = target.rpartition("/")
    parent = _walk(root, folder)
    place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    _mount("", f"/proc/self/fd/{place}", "", flags)
    os.close(parent)
    os.close(place)


def _lay_out(top: str, binds: list[tuple[str, str, bool]]) -> None:
    _mount("meshfleet", top, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=16m,nr_inodes=4096")
    root = os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for path in _SYSTEM:
        if os.path.islink(path):
            # As /bin is /usr/bin on most systems; /etc/localtime leads into /usr as well.
            os.close(_walk(root, os.path.dirname(path)))
            os.symlink(os.readlink(path), top + path)
        elif os.path.exists(path):
            _bind(root, path, path, writable=False)
    for folder, mode in _FOLDERS.items():
        os.close(_walk(root, folder))
        os.chmod(top + folder, mode)
    if not any(target.startswith("/var/run/") for _, target, _ in binds):
        os.symlink("/run", f"{top}/var/run")
    for name in _DEVICES:
        _device(root, name)
    for name, text in _LINKS.items():
        os.symlink(text, f"{top}/dev/{name}")
    for source, target, writable in binds:
        _bind(root, source, target, writable=writable)
    os.close(_walk(root, "/proc"))
    _mount("proc", f"{top}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "hidepid=2")
    os.close(root)


def _device(root: int, name: str) -> None:
    folder = _walk(root, "/dev")
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder))
    place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    _mount(f"/dev/{name}", f"/proc/self/fd/{place}", "", _MS_BIND)
    os.close(place)
    os.close(folder)


def _change_root(top: str) -> None:
    os.mkdir(f"{top}/.old", 0o700)
    machine = os.uname().machine
    _require(_libc.syscall(_PIVOT_ROOT[machine], top.encode(), f"{top}/.old".encode()), "pivot_root")
    os.chdir("/")
    _require(_libc.umount2(b"/.old", _MNT_DETACH), "umount /.old")
    os.rmdir("/.old")


def _drop(user: int, groups: list[int], capabilities: list[int]) -> None:
    """Become the user, for good, with these capabilities and no others."""
    for number in range(64):
        if number not in capabilities and _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            if ctypes.get_errno() != _EINVAL:
                _require(-1, f"capability {number}")
            # The kernel knows no more of them.
            break
    if capabilities:
        _require(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups(groups)
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    bits = sum(1 << number for number in capabilities)
    halves = [value for shift in (0, 32) for value in [(bits >> shift) & 0xFFFFFFFF] * 3]
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)(*halves)
    _require(_libc.syscall(_CAPSET[os.uname().machine], ctypes.byref(header), ctypes.byref(data)), "capset")
    for number in capabilities:
        _require(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0), f"capability {number}")
    _require(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def main() -> None:
    """Read the description, and be the program. Ends with 125 and the reason where it cannot."""
    try:
        wanted = json.loads(sys.stdin.buffer.read())
        nothing = os.open("/dev/null", os.O_RDWR)
        os.dup2(nothing, 0)
        os.closerange(3, 256)
        os.umask(0o022)
        _lay_out(wanted["top"], [(str(one), str(other), bool(rw)) for one, other, rw in wanted["binds"]])
        host = wanted["host"].encode()[:63]
        _require(_libc.sethostname(host, len(host)), "host name")
        _change_root(wanted["top"])
        _drop(wanted["user"], wanted["groups"], wanted["capabilities"])
        line = [wanted["program"], *wanted["arguments"]]
        os.execve(line[0], line, wanted["environment"])  # noqa: S606 - no shell is what is wanted
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(125)


main()
