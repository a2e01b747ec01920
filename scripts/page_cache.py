#!/usr/bin/env python3
"""Brings a file into the state that a start is measured from, and checks that it is: `cold` has no page of it in the page
cache, `warm` has 99 % of them or more (the kernel may take some back at once). Exit 1 where that cannot be reached.
  scripts/page_cache.py cold|warm|show FILE"""
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
        sys.exit(f"page_cache.py: {os.strerror(ctypes.get_errno())}")
    return sum(byte & 1 for byte in resident.raw), len(resident.raw)


def main(state, path):
    file = os.open(path, os.O_RDONLY)
    if state == "cold":
        os.fsync(file)  # pages not yet written would stay
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    elif state == "warm":
        buffer = bytearray(1 << 20)
        with open(file, "rb", buffering=0, closefd=False) as source:
            while source.readinto(buffer):
                pass
    cached, total = pages(file)
    print(f"{path}: {cached} of {total} pages in the page cache", file=sys.stderr)
    if state == "cold" and cached > 0 or state == "warm" and cached < 0.99 * total:
        sys.exit(f"page_cache.py: {path} is not {state}: {cached} of {total} pages in the page cache")


if len(sys.argv) != 3 or sys.argv[1] not in ("cold", "warm", "show"):
    sys.exit(__doc__)
main(*sys.argv[1:])
