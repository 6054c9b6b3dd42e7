"""For a grader that is root: show what the sandbox needs to an unprivileged user, become that user, start it.

To root, the kernel does not apply the limit on processes, and a mistake in a sandbox is worth more. Run by its path as
`python enter.py UID SOURCE… -- COMMAND…`: the sources may lie where only root can look (a home folder), so they are
bound below a folder that is seen in this process's namespace alone, and `@0`, `@1` … in COMMAND become their places.
"""

from __future__ import annotations

import ctypes
import os
import sys

_NEW_MOUNTS = 0x00020000
_BIND, _REC, _PRIVATE = 4096, 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None):
        code = ctypes.get_errno()
        raise OSError(code, f"mount {source}: {os.strerror(code)}")


def main(uid: int, sources: list[str], command: list[str]) -> None:
    if libc.unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no namespace for mounts")
    _mount("none", "/", "none", _REC | _PRIVATE)
    _mount("tmpfs", "/mnt", "tmpfs", 0)
    places = {}
    for number, source in enumerate(sources):
        places[f"@{number}"] = place = f"/mnt/{number}"
        if os.path.isdir(source):
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        _mount(source, place, "none", _BIND)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execvp(command[0], [places.get(word, word) for word in command])


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1:])
