"""Builds pysketch as pyproject.toml says, with what is not said there: what lies beside the package, and its C.

The folders netdefs, solver and tools go into a wheel as folders of pysketch/shipped; an editable install reads them
where they are. The compiled kernels (pysketch/native) are built by GCC or Clang, where there is one, and not on
Windows: an install without them succeeds, and pysketch says that it has none.
"""

import copy
import hashlib
import os
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
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


NATIVE = Path("pysketch", "native")
SETS = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma"],
    "avx2": ["-mavx2", "-mfma"],
    "generic": [],
}
"""Instruction sets -> the compiler's flags; the last one is for any CPU."""
FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-pthread", "-Wno-psabi", "-g0"]


def kernels() -> list[Extension]:
    """The extensions of pysketch/native, all of the same source; those of x86-64 only where that alone is built for.

    On Windows none: they have vector types, which Microsoft's compiler has not, and POSIX's threads.
    """
    if os.name == "nt":
        return []
    files = sorted([*NATIVE.glob("*.c"), *NATIVE.glob("*.h")])
    content = b"".join(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in files)  # as in loader.py
    sources = hashlib.sha256(content).hexdigest()[:16]
    x86 = sysconfig.get_platform().lower().endswith(("x86_64", "amd64")) and sys.maxsize > 2**32
    return [
        Extension(
            f"pysketch.native._{name}",
            [(NATIVE / "module.c").as_posix()],
            define_macros=[("KERNELS_NAME", name), ("KERNELS_SOURCES", sources)],
            extra_compile_args=[*FLAGS, *flags],
            extra_link_args=["-pthread"],
            depends=[*(path.as_posix() for path in files), "setup.py"],
            optional=True,
        )
        for name, flags in SETS.items()
        if x86 or not flags
    ]


class BuildKernels(build_ext):
    """Builds what the compiler can build, and leaves nothing of an earlier build in the place of what it cannot."""

    def finalize_options(self) -> None:
        """All at once, on as many cores as there are."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extension(self, ext: Extension) -> None:
        """One of them, in a folder of its own; if that fails, which ends no build, the file of an earlier one goes."""
        own = copy.copy(self)
        own.build_temp = str(Path(self.build_temp, ext.name))
        try:
            build_ext.build_extension(own, ext)
        except BaseException:
            for place in (self.get_ext_fullpath(ext.name), self.get_ext_filename(ext.name)):
                with suppress(FileNotFoundError):
                    Path(place).unlink()
            raise


class WheelOfKernels(bdist_wheel):
    """A wheel for this platform and Python if there are kernels in it, else for any."""

    def run(self) -> None:
        """What is in it is known once it is built."""
        self.run_command("build")
        if not any(Path(each).exists() for each in self.get_finalized_command("build_ext").get_outputs()):
            self.distribution.ext_modules = []
            self.root_is_pure = True
        super().run()


setup(
    ext_modules=kernels(),
    cmdclass={"build_py": BuildWithShipped, "build_ext": BuildKernels, "bdist_wheel": WheelOfKernels},
)
