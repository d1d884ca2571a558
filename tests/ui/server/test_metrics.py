"""What is counted, and who may see it."""

import httpx
import pytest
from fake_engine import FakeEngine
from page_fixtures import serve


def test_counts_are_for_this_machine_alone(caplog: pytest.LogCaptureFixture) -> None:
    with serve(FakeEngine()) as address, caplog.at_level("INFO"):

        def count(name: str) -> float:
            lines = httpx.get(f"{address}/metrics").raise_for_status().text.splitlines()
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

        answered = 'asklabs_questions_total{outcome="answered"}'
        names = (answered, 'asklabs_refusals_total{status="404"}', "asklabs_stage_seconds_count")
        before = [count(name) for name in names]
        for question, status in (("What keeps food cool?", 200), ("A fail", 502)):
            reply = httpx.post(f"{address}/api/v1/ask", json={"question": question})
            assert reply.status_code == status
        httpx.get(f"{address}/monitoring")
        assert [count(name) for name in names] == [before[0] + 1, before[1] + 1, before[2] + 3]
        assert count('asklabs_questions_total{outcome="error"}') >= 1
        assert count("asklabs_waiting") == 0
        assert count("process_resident_memory_bytes") > 1e6
        passed_on = {"X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(f"{address}/metrics", headers=passed_on).status_code == 401
    assert "question outcome=answered" in caplog.text
    assert "keeps food cool" not in caplog.text
