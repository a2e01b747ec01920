"""Where the kernel refuses something, rows are read another way: named in the result and once on stderr."""
import ctypes
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

from replay_case import MODEL, run, write_trace

program = sys.argv[1]
folder = tempfile.mkdtemp()
os.chmod(folder, 0o755)
trace = os.path.join(folder, "trace.jsonl")
write_trace(trace)


def replay(model, **more):
    done = run(program, "replay", model, "--trace", trace, "--compute", "none", "--placement", "nvme+ram:16rows:lru",
               "--placement", "nvme", "--json", "--quiet", **more)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    return results, done.stderr


def refuse_io_uring():
    """A seccomp filter that answers io_uring_setup with EPERM, as container runtimes do."""
    load, jump, give = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | 1
    program_bytes = b"".join(struct.pack("HBBI", *i) for i in (
        (load, 0, 0, 0), (jump, 0, 1, 425), (give, 0, 0, refuse), (give, 0, 0, allow)))
    buffer = ctypes.create_string_buffer(program_bytes)
    filter_ = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, filter_, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


plain, _ = replay(MODEL)
counts = [(r["levels"], r["backing"]) for r in plain]

try:
    results, stderr = replay(MODEL, preexec_fn=refuse_io_uring)
except subprocess.SubprocessError:
    print("no seccomp here: not tested")
else:
    assert "pread" in results[0]["nvme"]["effective_access"], results[0]["nvme"]
    assert "io_uring refused: Operation not permitted" in results[0]["nvme"]["effective_access"]
    assert stderr.count("io_uring refused") == 1, stderr
    assert [(r["levels"], r["backing"]) for r in results] == counts

# tmpfs of older kernels has no O_DIRECT; where it has, there is nothing to fall back from.
if os.path.isdir("/dev/shm"):
    in_memory = os.path.join("/dev/shm", f"tierscope-test-{os.getpid()}.gguf")
    shutil.copy(MODEL, in_memory)
    try:
        results, stderr = replay(in_memory)
    finally:
        os.remove(in_memory)
    access = results[0]["nvme"]["effective_access"]
    assert "o_direct" in access or ("O_DIRECT refused" in access and stderr.count("O_DIRECT refused") == 1), access
    assert results[0]["state"].startswith("cold (") and [(r["levels"], r["backing"]) for r in results] == counts


def drop_privileges(lockable_bytes):
    """Nobody, who may lock so much memory."""
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (lockable_bytes, lockable_bytes))
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


if os.getuid() == 0:
    everyone = os.path.join(folder, "tierscope")
    shutil.copy(program, everyone)
    os.chmod(everyone, 0o755)
    model = os.path.join(folder, "model.gguf")
    shutil.copy(MODEL, model)
    os.chmod(model, 0o644)
    program = everyone
    # A page: registered buffers do not fit. 8 MiB, the usual limit: they do.
    for lockable_bytes in (4096, 8 << 20):
        results, stderr = replay(model, preexec_fn=lambda: drop_privileges(lockable_bytes))
        access = results[0]["nvme"]["effective_access"]
        assert ("memlock limit" in access) == (lockable_bytes == 4096) or "pread" in access, access
        assert [(r["levels"], r["backing"]) for r in results] == counts
shutil.rmtree(folder)
