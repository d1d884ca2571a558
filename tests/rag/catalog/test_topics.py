"""Topics hold each report once, are filters, and stay from one ingest to the next."""

from pathlib import Path

import numpy as np
import pytest

from rag.catalog import topics
from rag.catalog.tag_fields import Filters
from rag.index.layout import current_version
from rag.index.snapshot import Snapshot


def opened(index: Path, folder: Path) -> Snapshot:
    snapshot = Snapshot.open(index, current_version(index))
    snapshot.folder = folder  # where topics are kept
    return snapshot


def test_each_report_has_a_topic_which_filters_and_stays(
    sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(sample_index, tmp_path).topics == ()  # too few reports
    monkeypatch.setattr(topics, "FEWEST", 2)
    index = opened(sample_index, tmp_path)
    found = index.topics
    assert sorted(i for topic in found for i in topic.reports) == list(index.heads)
    assert len({topic.name for topic in found}) == len(found) > 1
    for topic in found:
        assert index.catalog.ids(Filters(topic=(topic.name.upper(),))) == set(topic.reports)
        assert index.passages[topic.passage].report.id in topic.reports
    assert dict(index.catalog.counts("topic")) == {t.name: len(t.reports) for t in found}
    kept, file = dict(np.load(tmp_path / "topics.npz")), tmp_path / "topics.npz"
    np.savez(file, names=[f"my {name}" for name in kept["names"]], centres=kept["centres"])
    named = [topic.name for topic in opened(sample_index, tmp_path).topics]
    assert named == [f"my {topic.name}" for topic in found]
    file.write_bytes(b"damaged")
    assert opened(sample_index, tmp_path).topics == found
