"""The processes of the built-in embedding: the same vectors, no wait for what has died."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rag.errors import ModelError
from rag.models import encoder
from rag.models.encoder import encode, encoding_processes

TEXTS = [
    "Women sell fish.",
    "Las mujeres venden pescado.",
    "\u0000 \n a",
    "",
    "x" * 9000,
]


def test_processes_give_the_same_vectors_in_order() -> None:
    with encoding_processes(2) as embed, ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(embed, [TEXTS] * 8):
            assert np.allclose(vectors, encode(TEXTS), atol=1e-5)
        assert len(embed([])) == 0


def test_a_process_that_was_killed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = encoder._start

    def remembered() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    monkeypatch.setattr(encoder, "_start", remembered)
    with encoding_processes(1) as embed:
        embed(["ready"])
        started[0].kill()
        with pytest.raises(ModelError, match="Ingest again"):
            embed(["gone"])
    assert started[0].returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="looks the process up in /proc")
def test_processes_end_with_the_one_who_asked() -> None:
    program = (
        "import os; from rag.models import encoder\n"
        "p = encoder._start(); encoder._ask(p, ['ready']); print(p.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    pid = int(done.stdout)
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                if stat.read().split()[2] == "Z":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.1)
    pytest.fail("the process has outlived the one who asked")
