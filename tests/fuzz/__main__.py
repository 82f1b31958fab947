"""Fuzzes one target for as long as one likes, led by what the code does: with atheris.

`make fuzz TARGET=pack ARGS=-max_total_time=600`. What breaks a promise is written to
`build/fuzz/TARGET/crash-...`: mend it, and keep the file in `corpus/TARGET/`.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["expokeep", "tarfile", "zipfile", "pathspec"]):
    from fuzz.mutating import CORPUS
    from fuzz.targets import TARGETS


def main() -> None:
    target, *words = sys.argv[1:] or ["pack"]
    if target not in TARGETS:
        sys.exit(f"no target {target!r}; there are {', '.join(TARGETS)}")
    found = Path("build/fuzz") / target
    found.mkdir(parents=True, exist_ok=True)
    places = [str(found), str(CORPUS / target)]
    atheris.Setup(
        [sys.argv[0], f"-artifact_prefix={found}/", *words, *places], TARGETS[target]
    )
    atheris.Fuzz()


main()
