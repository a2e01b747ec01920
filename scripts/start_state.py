#!/usr/bin/env python3
"""Brings the machine into the state that a program's start with a file is measured from, and checks that it is: `cold` has no
page of the file in the page cache, `warm` has 99 % of them or more (the kernel may take some back at once). Then touches as
much free memory as the start may need: a virtual machine's host takes free memory back within seconds and gives it anew
at a rate (here 0.5 GB/s) that would hide what the programs do. --untouched leaves that out. Exit 1 where the state cannot be reached.
  scripts/start_state.py cold|warm FILE [--untouched]"""
import ctypes
import mmap
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


def pages(file):
    """(pages in the page cache, all pages)"""
    size = os.fstat(file).st_size
    mapped = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file, 0)
    resident = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    if mapped == ctypes.c_void_p(-1).value or libc.mincore(mapped, size, resident) != 0:
        sys.exit(f"start_state.py: {os.strerror(ctypes.get_errno())}")
    return sum(byte & 1 for byte in resident.raw), len(resident.raw)


def touch_memory(wanted):
    with open("/proc/meminfo") as lines:
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemFree:")) * 1024
    # What is not free holds the file's pages, which have to stay.
    size = min(wanted, free - (1 << 30)) // mmap.PAGESIZE * mmap.PAGESIZE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        memory.madvise(23)  # MADV_POPULATE_WRITE


def main(state, path, touch):
    file = os.open(path, os.O_RDONLY)
    if state == "cold":
        os.fsync(file)  # pages not yet written would stay
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    else:
        buffer = bytearray(1 << 20)
        with open(file, "rb", buffering=0, closefd=False) as source:
            while source.readinto(buffer):
                pass
    if touch:
        touch_memory(os.fstat(file).st_size + (1 << 30))
    cached, total = pages(file)
    if state == "cold" and cached > 0 or state == "warm" and cached < 0.99 * total:
        sys.exit(f"start_state.py: {path} is not {state}: {cached} of {total} pages in the page cache")


if len(sys.argv) < 3 or sys.argv[1] not in ("cold", "warm") or sys.argv[3:] not in ([], ["--untouched"]):
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2], len(sys.argv) == 3)
