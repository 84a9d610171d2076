# ruff: noqa: SIM115, PTH123, PTH208
"""A program that tries to get out. It runs only inside the sandbox; ``attack`` names what it tries.

Each attack answers with one word for what it obtained or the name of the errno that it was refused with.
"""

import ctypes
import errno
import gc
import os
import platform
import re
import socket
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
SHARED = []  # a later run that finds something here would share memory with this one

X86 = platform.machine() == "x86_64"
CALLS = {
    "fork": (57, None), "vfork": (58, None), "clone": (56, 220), "clone3": (435, 435), "execve": (59, 221),
    "kill": (62, 129), "tgkill": (234, 131), "tkill": (200, 130), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "kcmp": (312, 272), "mount": (165, 40),
    "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51),
    "pivot_root": (155, 41), "bpf": (321, 280), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "mq_open": (240, 180), "fanotify_init": (300, 262), "inotify_init1": (294, 26), "prctl": (157, 167),
    "seccomp": (317, 277), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "sendmsg": (46, 211),
    "eventfd2": (290, 19), "timerfd_create": (283, 85), "signalfd4": (289, 74), "epoll_create1": (291, 20),
    "setuid": (105, 146), "setgid": (106, 144), "capset": (126, 91), "personality": (135, 92),
    "sethostname": (170, 161), "reboot": (169, 142), "init_module": (175, 105), "kexec_load": (246, 104),
    "swapon": (167, 224), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "setpriority": (141, 140), "sched_setaffinity": (203, 122), "ioctl": (16, 29), "sysinfo": (99, 179),
    "setrlimit": (160, 164), "landlock_create_ruleset": (444, 444), "clock_settime": (227, 112),
    "settimeofday": (164, 170), "mkdirat": (258, 34), "unlinkat": (263, 35), "renameat2": (316, 276),
    "linkat": (265, 37),
    "symlinkat": (266, 36), "truncate": (76, 45), "fchmod": (91, 52), "vmsplice": (278, 75),
    "splice": (275, 76), "pipe2": (293, 59), "copy_file_range": (326, 285), "mlock": (149, 228),
}  # fmt: skip


def raw(name):
    number = CALLS[name][0 if X86 else 1]
    if number is None:
        return "EPERM"  # this architecture has no such call
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
    return "obtained" if result >= 0 else errno.errorcode[ctypes.get_errno()]


def refusal(action):
    try:
        found = action()
    except OSError as problem:
        return errno.errorcode.get(problem.errno, type(problem).__name__)
    return f"obtained {found!r}"


def write_to(path):
    return os.open(path, os.O_CREAT | os.O_WRONLY)


def descriptors():
    kept = []
    for number in range(256):
        try:
            os.fstat(number)
            kept.append(number)
        except OSError:
            pass
    return f"{len(kept)} open"


def writable_null():
    return "".join("1" if os.fstat(n).st_rdev == os.makedev(1, 3) else "0" for n in (0, 1, 2))


def memory_of_others():
    """Everything the interpreter and the C heap still hold, searched for the mark of another person."""
    mark = re.compile(rb"PERSON-[0-9]{6}")
    found = set()
    for thing in gc.get_objects():
        for value in vars(thing).values() if isinstance(getattr(thing, "__dict__", None), dict) else ():
            if isinstance(value, bytes):
                found.update(mark.findall(value))
    LIBC.sbrk.restype = ctypes.c_void_p
    top = LIBC.sbrk(ctypes.c_long(0))
    found.update(mark.findall(ctypes.string_at(top - (1 << 20), 1 << 20)))
    return f"{len(found)} found"


def thread():
    try:
        threading.Thread(target=print).start()
    except RuntimeError:
        return "refused"
    return "obtained"


def bomb(birth, rounds=2000):
    """How many of many tries gave something that runs."""
    born = 0
    for _ in range(rounds):
        try:
            if birth() == 0:
                os._exit(0)  # a child that should not be: it must not go on trying
            born += 1
        except (OSError, RuntimeError):
            pass
    return f"{born} born"


def spawned_thread():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def raw_fork():
    number = CALLS["fork" if X86 else "clone"][0 if X86 else 1]
    found = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
    if found < 0:
        raise OSError(ctypes.get_errno())
    return found


def monkeypatch():
    import json
    import math

    math.sqrt = lambda value: 42
    json.loads = None
    sys.modules["rdflib"] = None
    SHARED.append(1)
    return "only here"


def foreign_call():
    """getpid through the 32-bit gate of x86-64."""
    import mmap

    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return f"obtained {ctypes.CFUNCTYPE(ctypes.c_int)(place)()}"


def spin():
    while True:
        pass


ATTACKS = {
    "connect to the host": lambda p: refusal(lambda: socket.create_connection(("127.0.0.1", p["port"]), 1)),
    "look up a name": lambda p: refusal(lambda: socket.getaddrinfo("example.org", 80)),
    "unix socket": lambda p: refusal(lambda: socket.socket(socket.AF_UNIX)),
    "read the host's file": lambda p: refusal(lambda: open(p["file"]).read()),
    "read shadow": lambda p: refusal(lambda: open("/etc/shadow").read()),
    "climb out": lambda p: refusal(lambda: open("../../../../etc/passwd").read()),
    "list the root": lambda p: refusal(lambda: os.listdir("/")),
    "list proc": lambda p: refusal(lambda: os.listdir("/proc")),
    "read own environ": lambda p: refusal(lambda: open("/proc/self/environ").read()),
    "read own memory file": lambda p: refusal(lambda: open("/proc/self/mem", "rb").read(1)),
    "list dev": lambda p: refusal(lambda: os.listdir("/dev")),
    "list sys": lambda p: refusal(lambda: os.listdir("/sys")),
    "environment": lambda p: f"{len(os.environ)} variables",
    "C environment": lambda p: str(LIBC.getenv(b"SOLIDGATE_CANARY")),
    "host name": lambda p: os.uname().nodename,
    "write to tmp": lambda p: refusal(lambda: write_to("/tmp/x")),
    "write to shared memory": lambda p: refusal(lambda: write_to("/dev/shm/x")),
    "write to the root": lambda p: refusal(lambda: write_to("/x")),
    "write to the code": lambda p: refusal(lambda: write_to("/cage/app/solidgate/sandbox/x.py")),
    "write to a library": lambda p: refusal(lambda: write_to("/cage/lib/rdflib/__init__.py")),
    "read the zygote's argument": lambda p: refusal(lambda: open("/proc/1/cmdline").read()),
    "descriptors": lambda p: descriptors(),
    "null descriptors": lambda p: writable_null(),
    "memory of others": lambda p: memory_of_others(),
    "shared module state": lambda p: f"{len(SHARED)} found",
    "thread": lambda p: thread(),
    "python fork": lambda p: refusal(os.fork),
    "fork bomb": lambda p: bomb(os.fork),
    "fork bomb by raw calls": lambda p: bomb(raw_fork),
    "thread bomb": lambda p: bomb(spawned_thread),
    "program bomb": lambda p: bomb(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "kill the zygote": lambda p: refusal(lambda: os.kill(os.getppid(), 9)),
    "kill everybody": lambda p: refusal(lambda: os.kill(-1, 9)),
    "change the zygote's limits": lambda p: refusal(
        lambda: __import__("resource").prlimit(os.getppid(), __import__("resource").RLIMIT_CPU, (0, 0))
    ),
    "monkeypatch": lambda p: monkeypatch(),
    # These end the fork.
    "x32 call": lambda p: str(LIBC.syscall(ctypes.c_long(0x40000000 | 39))),
    "32-bit call": lambda p: foreign_call(),
    "segfault": lambda p: ctypes.string_at(1),
    "exit": lambda p: os._exit(0),
    "raise": lambda p: {}[p["secret"]],
    "leave by exception": lambda p: sys.exit(p["secret"]),
    "spin": lambda p: spin(),
    "sleep": lambda p: time.sleep(3600),
    "memory bomb": lambda p: [bytearray(1 << 24) for _ in range(1 << 12)],
    "long answer": lambda p: "x" * (8 << 20),
    "endless recursion": lambda p: (lambda f: f(f))(lambda f: f(f)),
    "close everything": lambda p: os.closerange(0, 256),
    "scribble on the answer": lambda p: [os.write(n, b"\xff" * 4096) for n in range(3, 64) if _open(n)],
}


def _open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def derive(person):
    parameters = person.parameters
    name = parameters["attack"]
    told = raw(name.removeprefix("raw ")) if name.startswith("raw ") else ATTACKS[name](parameters)
    text = str(told).replace("\\", "").replace('"', "'").replace("\n", " ")
    return f'<{person.subject}> <urn:probe:told> "{text}" .'
