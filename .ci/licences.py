"""Lists the licences of the pinned packages; fails where one does not fit MIT, or is not known."""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

# Weak copyleft is allowed: the packages are used as they are.
UNFIT = re.compile(r"\b(?:A?GPL|ODbL|SSPL|BUSL|CC-BY-NC|Proprietary)", re.IGNORECASE)


def licence(name: str) -> str | None:
    """The licence of an installed package as its metadata say; None if it isn't installed here."""
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        return None
    classified = [c for c in facts.get_all("Classifier") or () if c.startswith("License ::")]
    first_line = (facts.get("License") or "").strip().partition("\n")[0][:60]
    named = [c.rpartition(" :: ")[2] for c in classified if c.count("::") > 1]
    return facts.get("License-Expression") or ", ".join(named) or first_line


pinned = re.findall(r"^([\w.-]+)==", Path(sys.argv[1]).read_text(), re.MULTILINE)
found = {name: licence(name) for name in pinned}
for name, text in found.items():
    print(f"{name:45s} {'not installed on this system' if text is None else text or 'UNKNOWN'}")
unfit = [name for name, text in found.items() if text == "" or UNFIT.search(text or "")]
sys.exit(f"Look at the licences of: {', '.join(unfit)}" if unfit else 0)
