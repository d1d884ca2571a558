"""Whose turn it is: in order, told to who waits, and no more than can wait."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from bench import Site
from fake_engine import FakeEngine
from machine import run_apart
from page_fixtures import serve

from rag.retrieval.rerank import CrossEncoder
from rag.survey.classifier import waited_scores
from ui.server import room
from ui.server.room import Full, Room


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COMPUTED", 1)
    monkeypatch.setattr(room, "WAITING", 1)
    # Who waits is woken when it is their turn, not when they are told again.
    monkeypatch.setattr(room, "TOLD", 3600.0)


def test_who_comes_first_is_first_and_who_goes_makes_room() -> None:
    one = Room(FakeEngine())  # type: ignore[arg-type]
    done: list[int] = []

    async def ask(n: int) -> None:
        async with one.place():
            await asyncio.sleep(0.02)
            done.append(n)

    async def main() -> None:
        first, second = (asyncio.ensure_future(ask(n)) for n in range(2))
        await asyncio.sleep(0.005)
        with pytest.raises(Full):
            await ask(2)
        second.cancel()
        await asyncio.sleep(0.005)
        await asyncio.gather(first, ask(3))

    run_apart(main())
    assert done == [0, 3]


@pytest.mark.parametrize(("askers", "together"), [(3, 1), (5, 2)])
def test_one_more_comes_in_while_many_wait(askers: int, together: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(room, "WAITING", askers)
    one, inside, seen = Room(FakeEngine()), set[int](), set[int]()  # type: ignore[arg-type]

    async def ask(n: int) -> None:
        async with one.place():
            inside.add(n)
            seen.add(len(inside))
            await asyncio.sleep(0.02)
            inside.remove(n)

    async def main() -> None:
        await asyncio.gather(*map(ask, range(askers)))

    run_apart(main())
    assert max(seen) == together


def test_who_waits_is_told_how_many_come_first_and_who_can_not_when_to_come_again() -> None:
    engine = FakeEngine(gate=threading.Event())
    with serve(engine) as address, ThreadPoolExecutor(2) as pool:
        site = Site(address)

        def read(visitor: str) -> str:
            return site.client.get(site.join("What keeps food cool?", visitor)).text

        def ask() -> httpx.Response:
            return site.client.post("/api/v1/ask", json={"question": "What of sand?"})

        # One is being answered, one waits.
        first = pool.submit(ask)
        while not engine.asked:
            time.sleep(0.01)
        second = pool.submit(read, "second")
        time.sleep(0.5)
        assert "Too many are asking just now." in read("third")
        refused = ask()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "15")
        assert httpx.get(f"{address}/healthz", timeout=1).status_code == 200
        engine.gate.set()
        assert first.result().status_code == 200
        assert "1 question comes before yours." in second.result()
        assert "Wet sand kept boxes cool" in second.result()


@pytest.mark.quality
def test_the_cross_encoder_is_left_out_while_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, engine = CrossEncoder(), FakeEngine()
    monkeypatch.setattr(engine, "shed_when", lambda is_shed: vars(encoder).update(is_shed=is_shed))
    one = Room(engine)  # type: ignore[arg-type]
    assert waited_scores(encoder, "fees", ["A fee."], None)
    one._inside |= {n: asyncio.Event() for n in range(room.COMPUTED + room.SHED + 1)}
    begun = time.monotonic()
    assert waited_scores(encoder, "fees", ["A fee."], None) is None
    assert time.monotonic() - begun < 5  # a survey would wait longer for who is only busy
