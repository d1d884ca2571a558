"""Reports that go with one: the same work of its lab, and what other labs do that is near."""

from pathlib import Path

import pytest

from rag.engine import open_engine
from rag.retrieval.related import line_of_work, similar
from rag.settings import Settings


@pytest.mark.quality
def test_a_line_of_work_is_one_lab_s_and_similar_reports_are_of_others(sample_index: Path) -> None:
    engine = open_engine(Settings(index=sample_index))
    lines = 0
    for info in engine.catalog.reports.values():
        line = line_of_work(engine.index, info)
        assert info in line
        assert {other.lab for other in line} == {info.lab}
        assert all(other in line for other in line_of_work(engine.index, info, surely=True))
        assert [x.year or 0 for x in line] == sorted(x.year or 0 for x in line)
        labs = [other.lab for other in similar(engine.index, info)]
        assert info.lab not in labs
        assert len(set(labs)) == len(labs)
        lines += len({other.kind for other in line}) > 1
    assert lines > 1
