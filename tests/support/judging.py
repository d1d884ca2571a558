"""How many passages tests judge: few, since that takes half a second a question."""

from __future__ import annotations

from rag.models import cross_encoder

# As many as the product judges, for tests of how well it answers.
WHOLE = cross_encoder.DEPTH
cross_encoder.DEPTH = 4
