"""What the documents say is what the code says."""

from __future__ import annotations

import re

import pytest
from support.models import ROOT

from tools import generate_docs


@pytest.mark.parametrize(
    "path", ["docs/errors.md", "docs/cli.md", "docs/operators.md", "docs/boards.md", "docs/emulator.md"]
)
def test_generated_documents_are_current(path: str) -> None:
    text = dict(generate_docs.generated())[path]
    assert (ROOT / path).read_text() == text, f"{path} is out of date: run `make docs`"


def test_links_and_pictures_in_the_documents_exist() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}, which is not there"


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"edgekit (new|build|plan|inspect|run|profile|eval|boards|doctor|\w+) ", _commands()))
    assert named <= set(generate_docs.group.commands), named


def _commands() -> str:
    lines = (ROOT / "README.md").read_text().splitlines()
    return "\n".join(line.strip() for line in lines if line.startswith("    edgekit "))
