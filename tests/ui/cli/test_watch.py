"""Standing questions: what is told after an ingest, and to whom."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ferries import text
from openai_server import Reply

from ingest.sync import sync
from rag.engine import open_engine
from rag.i18n.translations import ENGLISH
from rag.settings import Settings
from rag.watch import changes
from ui.web.layout import facts

ASKED = "What waits in Fiji?"


def test_changes_are_told_once(run: Any, reports: Path, settings: Settings, server: Any) -> None:
    address, folder = f"{server.url}/chat/completions", reports.parent
    server.script(Reply(status=307, headers={"Location": "/elsewhere"}), Reply(status=204, body=""))
    mali = (reports / "mali.md").rename(folder / "mali.md")
    sync([reports], settings)

    def watch(*arguments: str | Path) -> Any:
        return run("watch", *arguments, "--index", settings.index)

    for question in ("Which reports are of 2023?", ASKED):
        assert watch("add", question).code == 0
    answers = folder / "answers.json"
    answers.write_text(run("ask", ASKED, "--json", "--index", settings.index).out)
    assert watch("run", "--json").json == []
    mali.rename(reports / "mali.md")
    (reports / "fiji.md").write_text(text("Fiji", answer="A whole island"), "utf-8")
    sync([reports], settings)
    # A redirect is not followed; what was not delivered is news again in the next run.
    for wrong in (address, "http://127.0.0.1:1", "no address"):
        failed = watch("run", "--json", "--post", wrong)
        assert (failed.code, failed.out, len(server.requests)) == (2, "", 1)
        assert "Not sent: " in failed.err
    done = watch("run", "--json", "--atom", "news.xml", "--post", address)
    assert done.code == 0
    assert len(server.requests) == 2
    assert server.requests[1].body == {"watches": done.json}
    listed, asked = ({c["kind"]: c for n in w["news"] for c in n["changes"]} for w in done.json)
    assert listed["report added"]["report"] == "mali"
    assert listed["report added"]["quote"]
    assert (listed["number"]["before"], listed["number"]["after"]) == ("2", "3")
    assert asked["quote gone"]["quote"] == "Fiji waits for a ferry."
    feed = ElementTree.parse(folder / "news.xml").getroot()
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 2
    assert watch("run", "--json", "--post", address).json == []
    assert len(server.requests) == 2
    told = run("diff", answers, "--index", settings.index).out
    assert "quote gone: Ferries of Fiji [fiji] “Fiji waits for a ferry.”" in told
    # The page tells the same under its bell.
    bell = facts(open_engine(settings), ENGLISH)
    assert "2 standing questions have news" in bell
    assert "“Fiji waits for a ferry.”" in bell
    (reports / "mali.md").unlink()
    sync([reports], settings, prune=True)
    lost = next(c for c in watch("run", "--json").json[0]["news"][0]["changes"] if c["report"])
    assert (lost["kind"], lost["title"]) == ("report gone", "Ferries of Mali")
    # A report that is only not cited any more is not gone.
    cited = run("ask", ASKED, "--json", "--index", settings.index).json
    told = changes(open_engine(settings), cited, {**cited, "citations": []})
    assert told[0].kind == "no longer cited"
    first = watch("list").out.split()[0]
    assert watch("remove", first).code == 0
    assert watch("remove", first).code == 2
    assert len(watch("list", "--json").json) == 1
