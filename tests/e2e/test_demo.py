"""The demo that the README names, on a template from npm."""

import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[1] / "demo.py"


@pytest.mark.npm
def test_the_demo_tells_the_whole_story():
    told = subprocess.run(
        [sys.executable, DEMO], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "(no difference)" in told.stdout
