"""REST for programs: each way to ask, errors with a remedy, keys, and strangers refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract import is_answer
from page_fixtures import serve
from readers import text_of
from typer.testing import CliRunner

from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.engine import Engine
from rag.export.answer_json import answer_to_dict
from rag.text.tokenize import LANGUAGES
from ui.cli.main import app
from ui.server import login, routes
from ui.server.login import Logins, make_key, make_secret

QUESTION = "What did labs learn about mobile money?"


@pytest.fixture(scope="module")
def api(quick_engine: Engine) -> Iterator[httpx.Client]:
    with serve(quick_engine) as address:
        yield httpx.Client(base_url=f"{address}/api/v1", timeout=60)


def is_problem(reply: httpx.Response, status: int, words: str) -> None:
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem.keys() == {"type", "title", "status", "detail", "remedy"}
    assert problem["status"] == status
    assert problem["remedy"]
    assert words in reply.text


def test_an_answer_is_the_engine_s_and_exported(api: httpx.Client, quick_engine: Engine) -> None:
    asked = {"question": QUESTION, "filters": {"country": ["Lesotho"]}}
    answer = api.post("/ask", json=asked).json()
    is_answer(answer)
    assert answer["citations"]
    own = answer_to_dict(quick_engine.ask(QUESTION, filters=Filters(country=("Lesotho",))).answer)
    assert answer["coverage"] == json.loads(json.dumps(own["coverage"]))
    made = api.post("/export", json={"answers": [answer], "format": "docx", "title": "T"})
    assert "attachment" in made.headers["content-disposition"]
    assert QUESTION in text_of(made.content, "docx")
    streamed = api.post("/ask", json=asked, headers={"Accept": "text/event-stream"})
    *texts, last = streamed.text.strip().split("\n\n")
    assert texts
    assert all(text.startswith("event: text\n") for text in texts)
    is_answer(json.loads(last.removeprefix("event: answer\ndata: ")))


def test_passages_lists_reports_and_facets(api: httpx.Client, quick_engine: Engine) -> None:
    found = api.post("/search", json={"question": QUESTION, "k": 3}).json()
    assert len(found["passages"]) == 3
    opened = api.get(f"/reports/{found['passages'][0]['report']}").json()
    (start, end), *_ = opened["passages"][0]["spans"]
    assert opened["text"][start:end].strip()
    listed = api.post("/lists", json={"filters": {"year": [2023]}, "group_by": "kind"}).json()
    page = api.get("/reports", params={"year": 2023, "limit": 2}).json()
    assert listed["count"] == page["count"] == len(listed["reports"]) > len(page["reports"]) == 2
    assert sum(row["reports"] for row in listed["table"]) == listed["count"]
    years = api.get("/facets", params={"kind": "plan"}).json()["year"]
    assert "2023" in [year["value"] for year in years]
    info = api.get("/info").json()
    assert info["reports"] == len(quick_engine.catalog.reports)
    assert "index" not in info
    is_problem(api.get("/reports/none"), 404, "none")


def test_a_survey_is_a_job_whose_rows_are_streamed(api: httpx.Client) -> None:
    begun = api.post("/survey", json={"question": "mobile money", "filters": {"year": [2023]}})
    assert begun.status_code == 202
    place = begun.headers["location"].removeprefix("/api/v1")
    rows = [json.loads(line) for line in api.get(f"{place}/rows").text.splitlines()]
    job = api.get(place).json()
    assert (job["state"], job["rows"]) == ("done", len(rows))
    assert job["result"]["scope"] == len(rows) == 11
    assert rows[0]["verdict"] != "silent"
    assert api.delete(place).json()["state"] == "done"
    is_problem(api.get("/survey/other"), 404, "Begin one")


def test_errors_say_what_to_do(api: httpx.Client) -> None:
    # As escapes, half of a pair of surrogates is sent, too.
    headers = {"Content-Type": "application/json"}
    errors: list[tuple[int, str, dict[str, Any], str]] = [
        (422, "/ask", {"question": "a" * 4001}, "4000 characters"),
        (422, "/ask", {"question": " \n"}, "pattern"),
        (422, "/ask", {"question": "Q?", "history": [{}] * 101}, "100 items"),
        (422, "/ask", {"question": "Q?", "filters": {"town": ["Lima"]}}, "Known: country, year"),
        (422, "/ask", {"question": "Q?", "top": 3}, "Known: question, filters"),
        (422, "/ask", {"question": "Q?", "filters": {"country": "Peru"}}, "valid list"),
        (422, "/ask", {"question": "Q?", "filters": {"kind": ["learningplan"]}}, "'closing'"),
        (422, "/search", {"question": "Q?", "filters": {"theme": ["x"] * 301}}, "300 items"),
        (422, "/search", {"question": "Q?", "filters": {"theme": ["x" * 1001]}}, "1000 char"),
        (422, "/lists", {"group_by": "town"}, "Group by: country, year"),
        (422, "/lists", {"every": ["shell"]}, "every"),
        (422, "/lists", {"filters": {"method": ["\ud800"]}}, "valid string"),
        (422, "/search", {"question": "Q?", "ignored": {"method": ["\ud800"]}}, "valid string"),
        (422, "/survey", {"question": "Q?", "without": ["\ud800"]}, "valid string"),
        (400, "/survey", {"question": "hello"}, "names no topic"),
        (400, "/export", {"answers": [{}], "format": "pdf"}, "not what asklabs wrote"),
        (404, "/nothing", {}, "Not Found"),
        (405, "/info", {}, "Method Not Allowed"),
    ]
    for status, path, body, words in errors:
        is_problem(api.post(path, content=json.dumps(body), headers=headers), status, words)


def test_a_name_or_value_of_a_filter_that_no_report_has_is_told(api: httpx.Client) -> None:
    for path in ("/reports", "/facets"):
        is_problem(api.get(path, params={"countries": "Togo"}), 422, "Known: country, year")
        is_problem(api.get(path, params={"kind": "learningplan"}), 422, "'plan', 'closing'")
    unknown = {"code": "no_report_has", "params": {"field": "country", "value": "Atlantis"}}
    filters = {"country": ["Atlantis", "Togo"]}
    asked = {"question": QUESTION, "filters": filters}
    listed = api.get("/reports", params=filters).json()
    assert listed["count"] > 0
    in_lists = api.post("/lists", json={"filters": filters}).json()
    found = api.post("/search", json=asked).json()
    assert listed["notices"] == in_lists["notices"] == found["notices"] == [unknown]
    told = api.post("/ask", json=asked).json()["detail"]
    assert unknown in told["notices"]
    assert "No report has country: Atlantis." in told["notice"]
    grouped = {"filters": {"country": ["Togo"]}, "group_by": "kind"}
    assert not api.post("/lists", json=grouped).json()["notices"]


def test_the_description_names_closed_values_and_its_page_needs_nothing(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()
    assert described["paths"].keys() >= {"/ask", "/search", "/survey", "/lists", "/export"}
    given = described["components"]["schemas"]["FilterQuery"]
    assert given["properties"].keys() == FILTER_FIELDS.keys()
    assert not given["additionalProperties"]
    assert given["properties"]["language"]["items"]["enum"] == [*LANGUAGES]
    assert "closing" in given["properties"]["kind"]["items"]["enum"]
    page = api.get("/")
    assert "://" not in page.text
    assert "frame-ancestors" in page.headers["content-security-policy"]


def test_a_key_or_a_login_opens_the_way_and_each_is_limited(
    quick_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    file = tmp_path / "keys.txt"
    monkeypatch.setattr(login, "make_secret", lambda text, _=0: make_secret(text, 2**14))
    made = CliRunner().invoke(app, ["key", "Crawler", "--file", str(file)])
    key, other = made.stdout.strip(), make_key(file, "Bot")
    assert key not in file.read_text()
    logins, keys = {"Ana": make_secret("wet sand and lids", 2**14)}, Logins(file, "key")
    monkeypatch.setattr(routes, "MOST_REQUESTS", 4)
    with serve(quick_engine, logins, keys) as address, httpx.Client(base_url=address) as client:
        info = "/api/v1/info"

        def get(key: str, path: str = info) -> httpx.Response:
            return httpx.get(f"{address}{path}", headers={"Authorization": f"Bearer {key}"})

        is_problem(client.get(info), 401, "asklabs key NAME")
        assert client.post("/mcp", json={}).status_code == 401
        is_problem(get("asklabs-wrong"), 401, "no key")
        assert client.get("/api/v1/openapi.json").status_code == 200
        assert [get(key).status_code for _ in range(5)] == [200] * 4 + [429]
        assert get(other).status_code == 200
        client.post("/login", data={"username": "Ana", "password": "wet sand and lids"})
        assert client.get(info).status_code == 200
        asked = {"question": "mobile money", "filters": {"year": [2023]}}
        place = client.post("/api/v1/survey", json=asked).headers["location"]
        assert client.get(place).status_code == 200
        assert get(other, place).status_code == 404  # others don't see it
        # A key whose line is deleted ends at once, and the log tells of it.
        file.write_text(file.read_text().partition("Bot:")[0])
        is_problem(get(other), 401, "no key")
        assert "key outcome=wrong address=127.0.0.1" in caplog.text
        is_problem(get(key), 429, "within a minute")
