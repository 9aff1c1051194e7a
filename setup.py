"""Builds pysketch as pyproject.toml says; into a wheel also goes what lies beside the package: netdefs, solver, tools.

There they are folders of pysketch/shipped. An editable install reads them where they are.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("netdefs", "solver", "tools")


def shipped_files() -> list[Path]:
    """What the folders hold, from the project's root, where every build runs."""
    found = [path for folder in FOLDERS for path in sorted(Path(folder).rglob("*"))]
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


class BuildWithShipped(build_py):
    """Copies the folders into pysketch/shipped of what is built, and lists their files for an sdist."""

    def run(self) -> None:
        """The package, then the folders; no file is left from an earlier build, as a layer would be found by itself."""
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "pysketch"), ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        shipped = Path(self.build_lib, "pysketch", "shipped")
        for path in shipped_files():
            (shipped / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, shipped / path)

    def get_source_files(self) -> list[str]:
        """The package's files and the folders'."""
        return [*super().get_source_files(), *map(str, shipped_files())]


setup(cmdclass={"build_py": BuildWithShipped})
