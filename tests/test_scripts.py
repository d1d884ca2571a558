"""The page's scripts keep to the types of the browser and of their own comments."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TSC = Path(sys.prefix, "tsc/node_modules/.bin/tsc")


@pytest.mark.slow
@pytest.mark.skipif(
    not TSC.exists(), reason="`make typescript` installs its compiler, where npm is"
)
def test_scripts_are_checked_by_the_compiler_of_typescript() -> None:
    assert shutil.which("node")
    options = ("--noEmit", "--allowJs", "--checkJs", "--skipLibCheck", "--target", "es2023")
    files = [*ROOT.glob("ui/static/*.js"), ROOT / "tests/support/page.d.ts"]
    command = [TSC, *options, "--lib", "es2023,dom,dom.iterable", *files]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert not done.returncode, done.stdout
