"""MCP: the official client asks over both transports and gets what it needs to cite."""

import os
import sys
from pathlib import Path
from typing import Any

from machine import run_apart
from mcp import Client, StdioServerParameters
from mcp.types import TextResourceContents
from page_fixtures import serve

from rag.engine import Engine


async def use(client: Client, every_tool: bool, url: str = "asklabs://reports/{report}") -> None:
    """Ask, and open what is cited, as an assistant does; then use the other tools, too."""
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {"ask", "search", "list", "survey", "open_report"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)

    async def call(tool: str, **arguments: Any) -> Any:
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    told = await call("ask", question="What did labs learn about mobile money?", kind=["plan"])
    cited = told["citations"][0]
    assert f"[{cited['n']}]" in told["answer"]
    assert cited["kind"] == "plan"
    assert told["coverage"].startswith("Based on ")
    start, end = cited["span"]
    opened = await call("open_report", report=cited["report"])
    assert cited["quote"].split() == opened["text"][start:end].split()
    assert cited["address"] == opened["address"] == url.replace("{report}", cited["report"])
    resource = f"asklabs://reports/{cited['report']}"
    (content,) = (await client.read_resource(resource)).contents
    assert isinstance(content, TextResourceContents)
    assert content.text[: len(opened["text"])] == opened["text"]
    for address in (cited["address"], resource):
        assert await call("open_report", report=address) == opened
    if not every_tool:
        return
    found = await call("search", question="mobile money", k=3)
    assert len(found["passages"]) == 3
    assert {"title", "country", "year", "kind", "address"} <= found["passages"][0].keys()
    listed = await call("list", kind=["plan"], group_by="year")
    assert sum(row["reports"] for row in listed["table"]) <= listed["count"] > 0
    assert listed["next_offset"] is None
    first, last = await call("list"), await call("list", offset=31)
    assert (first["reports"][-1:], first["count"]) == (last["reports"], 32)
    surveyed = await call("survey", topic="mobile money", most=2)
    assert len(surveyed["rows"]) == 2
    assert "speak of “mobile money”" in surveyed["summary"]
    wrong, now = {"country": ["Atlantis", "Togo"]}, {"question": "What now?"}
    for tool, given in {"ask": now, "search": now, "list": {}, "survey": {"topic": "sand"}}.items():
        assert "country: Atlantis" in (await call(tool, **given, **wrong))["notice"]
    for tool, arguments, words in (
        ("open_report", {"report": "none"}, "no report 'none'"),
        ("ask", {"question": "a" * 4001}, "4000 characters"),
        ("ask", {"question": " "}, "pattern"),
        ("survey", {"topic": "hello"}, "names no topic"),
        ("ask", {"question": "Who?", "language": ["en"]}, "Known: question, country, year, kind"),
        ("ask", {"question": "Who?", "kind": ["learningplan"]}, "'plan', 'closing'"),
        ("list", {"group_by": "town"}, "Group by: country, year"),
    ):
        refused = await client.call_tool(tool, arguments)
        assert refused.is_error
        assert words in str(refused.content)
    prompt = await client.get_prompt("answer_with_citations", {"question": "Who?"})
    assert "Question: Who?" in str(prompt.messages[0].content)


async def visit(server: Any, every_tool: bool, *url: str) -> None:
    async with Client(server) as client:
        await use(client, every_tool, *url)


def test_an_assistant_asks_over_http(quick_engine: Engine) -> None:
    with serve(quick_engine) as address:
        run_apart(visit(f"{address}/mcp", every_tool=True))


def test_an_assistant_asks_over_standard_input_and_opens_public_addresses(
    sample_index: Path,
) -> None:
    command = ["-m", "ui.cli.main", "mcp", "--index", str(sample_index)]
    url = "https://labs.example/{report}?from=asklabs"
    env = {**os.environ, "ASKLABS_RERANKER": "none", "ASKLABS_REPORT_URL": url}
    server = StdioServerParameters(command=sys.executable, args=command, env=env)
    run_apart(visit(server, False, url))
