from collections.abc import Callable
from functools import cache

import pytest

from rag.engine import Engine
from rag.types import Answer


@pytest.fixture(scope="session")
def ask(sample_engine: Engine) -> Callable[[str], Answer]:
    """Answers questions over the sample without a model; what is asked again is not made again."""
    return cache(lambda question: sample_engine.ask(question).answer)
