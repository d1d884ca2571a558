"""The examples of the pages for people, run over the sample collection."""

import re
from pathlib import Path

import pytest

from rag.engine import Engine
from rag.llama import ReportRetriever

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("page", ["README.md", "docs/using.md"])
def test_the_python_of_a_page_runs(
    page: str,
    sample_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "my-index").symlink_to(sample_index)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(?!# not run here)(.*?)```", text, re.DOTALL)
    assert examples
    exec("\n".join(examples), {})
    told = capsys.readouterr().out
    assert "Lesotho" in told
    assert page == "README.md" or (tmp_path / "brief.docx").stat().st_size > 5000


def test_nodes_of_llama_index_are_the_hits(quick_engine: Engine) -> None:
    hits = quick_engine.search("mobile money", k=5)
    nodes = ReportRetriever(quick_engine, 5).retrieve("mobile money")
    assert [(n.node.node_id, n.score) for n in nodes] == [(h.passage.id, h.score) for h in hits]
    assert nodes[0].metadata["report"] == hits[0].passage.report.id
