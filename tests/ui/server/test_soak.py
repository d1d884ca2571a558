"""A short soak: nobody's question fails while the model's server does."""

import sys
from pathlib import Path

import pytest
from soak import soak


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
def test_nobody_fails_while_a_model_does_at_times(sample_index: Path) -> None:
    done = soak(sample_index, questions=100, visitors=20, seconds=20)
    assert done.failures == []
    assert len(done.seconds) == 100
    print(done)
