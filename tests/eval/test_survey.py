"""Scores of surveys against grades, their calibration, and the training of the weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from passages import report

from eval import survey as surveys
from eval.survey import Example, calibration_error, left_out, train
from rag.catalog.tag_fields import Filters
from rag.errors import InputError
from rag.survey.classifier import SECOND
from rag.survey.features import FEATURES
from rag.survey.types import Survey, SurveyRow


def test_scores_and_calibration_by_hand() -> None:
    verdicts = {"a": "about", "b": "mentions", "c": "mentions", "d": "silent", "e": "silent"}
    rows = tuple(
        SurveyRow(report(name, "Fiji", "FJ"), verdict, 0.5, 0.5, quote=f"of {name}")  # type: ignore[arg-type]
        for name, verdict in verdicts.items()
    )
    survey = Survey("q", "t", "en", Filters(), rows, (1, 3))
    grades = {"a": 2, "b": 1, "d": 2, "e": 1, "elsewhere": 2}
    texts = {"a": "Words of  a.", "b": "Of B.", "c": "nothing"}
    assert surveys.score(survey, grades, texts.__getitem__) == pytest.approx(
        {
            "gold": 2, "gold_any": 4, "rows": 3, "about_r": 0.5, "about_p": 1, "says_r": 0.5,
            "says_p": 2 / 3, "count_err": 0.25, "inside": 0, "quote_ok": 2 / 3,
        }
    )  # fmt: skip
    # Calibration is the mean gap of ten bins.
    bins = surveys.calibration([0.05, 0.05, 0.75, 0.75], [False, False, True, False])
    assert bins == [(0.05, 0, 2), (0.75, 0.5, 2)]
    assert calibration_error(bins) == pytest.approx(0.15)
    assert calibration_error(bins, 0.1) == pytest.approx(0.25)


def test_training_finds_what_tells_reports_apart() -> None:
    random = np.random.default_rng(0)
    examples = []
    for name in ("a", "b", "c"):
        features = random.normal(size=(300, len(FEATURES)))
        grades = np.clip(np.round(features[:, 0] - 0.5), 0, 2)
        second = np.full((300, len(SECOND)), np.nan)
        examples.append(Example(name, features, grades, second, np.ones(300)))
    says = train(examples)["rules"]["says"][:-1]
    assert int(np.argmax(np.abs(says))) == 0
    for example, (chances, judged) in left_out(examples):
        assert chances.says.sum() == pytest.approx((example.grades > 0).sum(), rel=0.3)
        assert (judged.says == chances.says).all()
    assert surveys.spread([(e, c) for e, (c, _) in left_out(examples)]) < 0.3


def test_a_file_without_graded_topics_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    row = {"id": "x", "type": "single", "lang": "en", "question": "Q?", "reports": ["a"]}
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(InputError, match="no graded topic"):
        surveys.load_topics(path)
