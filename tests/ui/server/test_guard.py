"""What strangers try on a running page, and what comes of it."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fake_engine import FakeEngine
from page_fixtures import serve

from ui.server import guard

HOST = "labs.example.org"
# Of a function that is not there.
CALL = {"data": [], "fn_index": 9999, "session_hash": "s"}
SELF = "http://labs.example.org"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
LINKED = "deep_link?session_hash=s"
LIMITS = {"api/v1/ask": 1, "mcp": 1, "api/v1/export": 8, "gradio_api/queue/join": 8}
REFUSED = [
    (421, "GET", "/", {"Host": "rebound.test"}),
    (421, "GET", "/", {"Host": HOST, "X-Forwarded-Host": "rebound.test"}),
    (403, "GET", "/config", {"Host": HOST, "Origin": "https://evil.test"}),
    (403, "POST", "/gradio_api/queue/join", {"Host": HOST, "Origin": "http://sib.example.org"}),
    (403, "POST", "/login", {"Host": HOST, "Origin": "null"}),
    (403, "GET", "/config", {"Host": HOST, "Origin": f"{SELF}:3000"}),
    (403, "OPTIONS", "/config", {"Host": HOST, "Origin": "https://evil.test"}),
    (403, "GET", "/logout", LINK),
    (403, "GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}),
    *((404, "GET", path, {}) for path in ("/monitoring", "/openapi.json")),
    *((404, "GET", f"/gradio_api/{path}", {}) for path in ("openapi.json", "token", LINKED)),
    *((404, "POST", f"/gradio_api/{path}", {}) for path in ("component_server", "upload")),
    *((404, "POST", f"/gradio_api/{path}", {}) for path in ("queue/join", "run/predict")),
    (405, "GET", "/mcp", {}),
    *((421, "POST", path, {"Host": "rebound.test"}) for path in ("/api/v1/ask", "/mcp")),
    *((403, "POST", path, {"Origin": "https://evil.test"}) for path in ("/api/v1/ask", "/mcp")),
]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A page under a name of its own, without uploads."""
    with serve(FakeEngine(), hosts=HOST) as address:
        yield address


def test_strangers_are_refused(site: str) -> None:
    for status, method, path, headers in REFUSED:
        reply = httpx.request(method, f"{site}{path}", headers=headers, json=CALL)
        assert reply.status_code == status, (method, path, headers)
        assert "access-control-allow-origin" not in reply.headers
        assert status != 421 or "ASKLABS_HOSTS=rebound.test" in reply.text


def test_the_page_itself_and_links_to_it_pass_packed_and_with_its_policy(site: str) -> None:
    own = {"Host": HOST, "Origin": SELF, "Sec-Fetch-Site": "same-origin"}
    link = {**LINK, "Sec-Fetch-Dest": "document"}
    for path, headers in (("/config", own), ("/", link), ("/healthz", {"Host": "10.0.0.7"})):
        reply = httpx.get(f"{site}{path}", headers=headers)
        assert reply.status_code == 200
        assert "frame-ancestors 'self'" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert not [name for name in reply.headers if name.startswith("access-control")]
        is_packed = reply.headers.get("content-encoding") == "gzip"
        assert is_packed == ("Ask the Labs" in reply.text) == (path != "/healthz")
    assert "content-encoding" not in httpx.get(site, headers={"Accept-Encoding": ""}).headers


@pytest.mark.parametrize("path", LIMITS)
def test_a_large_or_deep_body_is_refused(site: str, path: str) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    too_long = b" " * (LIMITS[path] * guard.MOST_BYTES + 1)
    unannounced = (too_long[n : n + 100_000] for n in range(0, len(too_long), 100_000))
    deep = b"[" * (guard.MOST_BYTES - 1)
    for body, statuses in ((too_long, [413]), (unannounced, [413]), (deep, [400, 422])):
        reply = httpx.post(f"{site}/{path}", content=body, headers=headers, timeout=60)
        assert reply.status_code in statuses


def test_a_slow_body_is_given_up(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SLOWEST", 0.2)
    port = int(site.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(
            b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        assert b" 408 " in slow.recv(200)


def test_who_may_frame_the_page_is_set_and_uploads_have_a_quota(monkeypatch: Any) -> None:
    other = "https://intranet.example.org"
    monkeypatch.setattr(guard, "MOST_SENT", 50_000)
    files = {"files": ("x.md", b"x" * 20_000)}
    with serve(FakeEngine(), frames=other, page_ingest=True) as address:
        reply = httpx.get(address, headers={**LINK, "Sec-Fetch-Dest": "iframe"})
        sent = [httpx.post(f"{address}/gradio_api/upload", files=files) for _ in range(3)]
    assert [each.status_code for each in sent] == [200, 200, 429]
    assert reply.status_code == 200
    assert f"frame-ancestors 'self' {other}" in reply.headers["content-security-policy"]
