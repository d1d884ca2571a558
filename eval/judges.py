"""Who judges whether the passages that a sentence cites support it."""

from __future__ import annotations

from eval.grounding import Support, by_model, by_rules
from rag.errors import SettingsError
from rag.judge import make_judge
from rag.settings import Settings

# Characters of passages that the chat model is shown for a sentence: no source is cut, neither
# ours (300 tokens) nor the longer ones of the baselines, but where many are cited together.
SHOWN = 6000


def make_support(settings: Settings, judge: str) -> Support:
    """The judge of that name: "rules", or "model" for the chat model that the settings name.

    Raises:
        SettingsError: they name no chat model.
    """
    if judge == "rules":
        return by_rules
    model = make_judge(settings.model_copy(update={"judge": True}), shown=SHOWN)
    if model is None:
        raise SettingsError(
            "There is no chat model to judge. Set ASKLABS_MODEL, or leave out --judge model."
        )
    return by_model(model)
