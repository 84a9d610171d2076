"""Landlock through its three system calls: which version is there, and giving everything up but reading.

Constants are those of the kernel's ``linux/landlock.h``; system-call numbers are the same on all
architectures. Every failure is an OSError: the caller decides whether the level may be lower.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FS_ABI_1 = (1 << 13) - 1
_FS_REFER, _FS_TRUNCATE, _FS_IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_NET_TCP = 0b11
_SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 0b11

SIGNAL_SCOPE_ABI = 6

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def abi() -> int:
    """The Landlock version of this kernel; 0 when it has none or it is switched off."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


def ruleset(version: int) -> bytes:
    """``struct landlock_ruleset_attr`` that handles all that ``version`` knows (so: denies it)."""
    access = _FS_ABI_1
    access |= _FS_REFER if version >= 2 else 0
    access |= _FS_TRUNCATE if version >= 3 else 0
    access |= _FS_IOCTL_DEV if version >= 5 else 0
    attributes = struct.pack("=Q", access)
    if version >= 4:
        attributes += struct.pack("=Q", _NET_TCP)
    if version >= SIGNAL_SCOPE_ABI:
        attributes += struct.pack("=Q", _SCOPE_ABSTRACT_SOCKET_AND_SIGNAL)
    return attributes


def reading_only(roots: Sequence[str], version: int) -> int:
    """A descriptor of the rules by which a process may read below ``roots`` and open nothing else.

    Raises OSError; a root that does not exist is an error, not an omission.
    """
    attributes = ruleset(version)
    handle = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for root in roots:
            _allow_reading(handle, root)
    except BaseException:
        os.close(handle)
        raise
    return handle


def restrict(handle: int) -> None:
    """From now on this process is held by these rules; there is no way back. Needs ``no_new_privs``.

    Closes the descriptor. Raises OSError.
    """
    try:
        _call(_RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint32(0))
    finally:
        os.close(handle)


def _allow_reading(handle: int, root: str) -> None:
    place = os.open(root, os.O_PATH | os.O_CLOEXEC)
    try:
        access = _READ_FILE | _READ_DIR if stat.S_ISDIR(os.fstat(place).st_mode) else _READ_FILE
        rule = struct.pack("=Qi", access, place)
        _call(_ADD_RULE, ctypes.c_int(handle), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)
