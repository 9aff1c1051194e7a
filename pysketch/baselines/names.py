"""What the baselines are called, for a help text: nothing is imported for it."""

from __future__ import annotations

from pathlib import Path


def baseline_names() -> list[str]:
    """The names of all baselines, which are their files': those with the decorator `register`."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [path.stem for path in files if "\n@register\n" in path.read_text(encoding="utf-8")]
