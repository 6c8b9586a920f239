"""Print what pip must install for the project with these extras: `python requirements.py postgres gpu`.

Read from the `pyproject.toml` beside this file, so that the image's packages are those of the project's own extras and
their layer needs no source.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
print(*project["dependencies"], *(line for name in sys.argv[1:] for line in extras[name]), sep="\n")  # noqa: T201
