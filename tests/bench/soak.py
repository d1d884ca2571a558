"""Many visitors of a page and of its REST for a long time, while the model's server fails at times.

`make soak`: 2,000 questions of 50 visitors over 20 minutes, 2 % of the model's replies faulty, over
the sample collection or INDEX. It prints how many failed, how long they took, and the memory.
"""

import random
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from bench import FRAMES, TOPICS, Site, served
from openai_server import Reply, ScriptedServer

FAULTY = 0.02
_BROKEN = (Reply(("Half a",), cut=True), Reply(raw=("data: {",)))
_FAULTS = (Reply(status=500), Reply(status=429), *_BROKEN)


@dataclass
class Soaked:
    """What came of a soak: seconds of each answer, what failed, resident bytes over time."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By which share the memory of the end is above that of the middle."""
        half = self.memory[len(self.memory) // 2 :]
        tenth = max(1, len(half) // 10)
        return statistics.median(half[-tenth:]) / statistics.median(half[:tenth]) - 1

    def __str__(self) -> str:
        times = statistics.quantiles(self.seconds, n=100)
        return (
            f"{len(self.seconds)} answered, {len(self.failures)} failed; seconds p50 "
            f"{times[49]:.2f}, p95 {times[94]:.2f}, most {max(self.seconds):.2f}; memory "
            f"{self.memory[-1] / 1e6:.0f} MB at the end, since the middle {self.growth:+.1%}"
        )


class Unreliable(ScriptedServer):
    """A model that cites the first passage, and fails at times."""

    def next_reply(self) -> Reply:
        self.requests.clear()
        if random.random() < FAULTY:
            return random.choice(_FAULTS)
        return Reply(("The labs ", "tell of it ", "[1]."), delay=0.05)


def soak(index: Path, questions: int, visitors: int, seconds: float) -> Soaked:
    """Have visitors ask so many questions, spread over so many seconds; half of them by REST."""
    done, rng, model = Soaked(), random.Random(0), Unreliable()
    each = questions // visitors
    with served(index, OPENAI_BASE_URL=model.url) as (address, process):
        begun = time.monotonic()
        site, limits = Site(address), httpx.Limits(max_connections=visitors)
        rest = httpx.Client(base_url=address, timeout=300, limits=limits)
        asking = threading.Event()

        def visitor(n: int) -> None:
            visit = ExitStack()
            for turn in range(each):
                due = begun + (turn + rng.random()) * seconds / each
                time.sleep(max(0.0, due - time.monotonic()))
                text = f"{rng.choice(FRAMES).format(rng.choice(TOPICS))} ({n}.{turn})"
                name = f"visitor-{n}-{turn // 10}"
                if n % 2 and turn % 10 == 0:  # Leaves the page and opens it anew.
                    visit.close()
                    url = f"{address}/gradio_api/heartbeat/{name}"
                    visit.enter_context(httpx.stream("GET", url, timeout=None))
                started = time.monotonic()
                try:
                    if n % 2:
                        site.ask(text, name)
                    else:
                        reply = rest.post("/api/v1/ask", json={"question": text})
                        assert reply.raise_for_status().json()["answer"]
                    done.seconds.append(time.monotonic() - started)
                except Exception as error:
                    done.failures.append(f"{text}: {error!r}")

        def watch() -> None:
            while not asking.wait(1):
                done.memory.append(resident(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        with ThreadPoolExecutor(visitors) as pool:
            list(pool.map(visitor, range(visitors)))
        asking.set()
        watching.join()
    model.http.shutdown()
    return done


def resident(pid: int, name: str = "VmRSS") -> int:
    """The memory of a process in bytes, or the most that it had (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1000 * int(status.partition(f"{name}:")[2].split()[0])


if __name__ == "__main__":
    result = soak(Path(sys.argv[1]), 2000, 50, 1200)
    print(result, *result.failures[:20], sep="\n")
    sys.exit(bool(result.failures) or result.growth > 0.1)
