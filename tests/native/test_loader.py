"""The compiled kernels: which are taken, what is said, what is refused. tests/test_native.py builds them."""

import logging
import shutil
import sys
from types import ModuleType

import pytest

from pysketch.errors import DeviceError
from pysketch.native import loader

ALL = ("avx512", "avx2", "generic")


@pytest.fixture(autouse=True)
def found_anew(monkeypatch):
    """Every test looks for itself, and what it has found is forgotten."""
    monkeypatch.delenv(loader.VARIABLE, raising=False)
    loader._found.cache_clear()
    yield
    loader._found.cache_clear()


@pytest.fixture
def built(monkeypatch):
    """Lets modules of these names be the built ones, on a CPU of these sets; changes: attributes of one of them."""

    def build(*names, cpu=ALL, **changes):
        for name in ALL:
            module = None  # Python's sign for a module that is not there
            if name in names:
                module = ModuleType(f"pysketch.native._{name}")
                attributes = {"sets": cpu, "compiler": "gcc 12.2", "sources": loader.sources()}
                vars(module).update(attributes | changes.get(name, {}))
            monkeypatch.setitem(sys.modules, f"pysketch.native._{name}", module)

    return build


def taken():
    module = loader.kernels()
    return module and module.__name__.rpartition("._")[2]


@pytest.mark.parametrize(
    ("names", "cpu", "best", "told"),
    [
        (ALL, ALL, "avx512", "compiled kernels (AVX-512, gcc 12.2)"),
        (ALL, ("avx2", "generic"), "avx2", "compiled kernels (AVX2, gcc 12.2)"),
        (ALL, ("generic",), "generic", "compiled kernels (generic, gcc 12.2)"),
        (("avx2", "generic"), ALL, "avx2", "compiled kernels (AVX2, gcc 12.2)"),
        (("generic",), ALL, "generic", "compiled kernels (generic, gcc 12.2)"),
    ],
)
def test_the_best_that_was_built_and_that_the_cpu_has_is_taken(built, names, cpu, best, told):
    built(*names, cpu=cpu)
    assert (taken(), loader.describe()) == (best, told)


def test_without_any_there_are_none_and_what_they_need_is_said(built, caplog):
    built()
    assert loader.kernels() is None
    assert loader.describe() == (
        "no compiled kernels: this install has none; "
        "they need GCC or Clang and Python's headers: pip install -e . again"
    )
    assert caplog.messages == []


@pytest.mark.parametrize("name", ALL)
def test_the_variable_chooses_one(built, monkeypatch, name):
    built(*ALL)
    monkeypatch.setenv(loader.VARIABLE, name)
    assert taken() == name


def test_the_variable_says_none(built, monkeypatch):
    built(*ALL)
    monkeypatch.setenv(loader.VARIABLE, "none")
    assert loader.kernels() is None
    assert loader.describe() == "no compiled kernels (PYSKETCH_KERNELS=none)"


@pytest.mark.parametrize(
    ("names", "cpu", "choice", "message"),
    [
        (ALL, ALL, "avx3", 'PYSKETCH_KERNELS=avx3: expected none, avx512, avx2, generic or nothing; did you mean "av'),
        (ALL, ("generic",), "avx2", "PYSKETCH_KERNELS=avx2: this CPU has no AVX2"),
        (("generic",), ALL, "avx512", "PYSKETCH_KERNELS=avx512: not built; they need GCC or Clang and"),
        ((), ALL, "generic", "PYSKETCH_KERNELS=generic: not built; they need"),
    ],
)
def test_a_choice_that_cannot_be_had_is_an_error_each_time(built, monkeypatch, names, cpu, choice, message):
    built(*names, cpu=cpu)
    monkeypatch.setenv(loader.VARIABLE, choice)
    for ask in (loader.kernels, loader.describe, loader.kernels):
        with pytest.raises(DeviceError, match="^" + message):
            ask()


def test_a_module_of_other_sources_is_left_out_and_said_once(built, caplog):
    built(*ALL, avx512={"sources": "0123456789abcdef"})
    with caplog.at_level(logging.WARNING, "pysketch"):
        assert loader.kernels() is None
        assert loader.kernels() is None
    why = "no compiled kernels: _avx512 was built from other sources than lie here now; pip install -e . again"
    assert (caplog.messages, loader.describe()) == ([why], why)


def test_a_module_of_other_sources_that_was_chosen_is_an_error(built, monkeypatch, caplog):
    built(*ALL, avx2={"sources": "0123456789abcdef"})
    monkeypatch.setenv(loader.VARIABLE, "avx2")
    with pytest.raises(DeviceError, match=r"^PYSKETCH_KERNELS=avx2: _avx2 was built from other sources than lie here"):
        loader.kernels()
    assert caplog.messages == []


def test_where_no_sources_lie_as_in_a_wheel_a_module_is_taken_as_it_is(built, monkeypatch):
    monkeypatch.setattr(loader, "sources", lambda: None)
    built(*ALL)
    assert taken() == "avx512"


def test_where_no_sources_lie_and_nothing_was_built_one_is_sent_to_them(built, monkeypatch):
    monkeypatch.setattr(loader, "sources", lambda: None)
    built()
    assert loader.describe().endswith("GCC or Clang and Python's headers: install pysketch again from its folder")


def test_a_module_that_cannot_be_loaded_is_left_out_and_said(built, monkeypatch, caplog):
    def refuse(name):
        raise ImportError("libc.so.6: version `GLIBC_9' not found")

    monkeypatch.setattr(loader, "import_module", refuse)
    with caplog.at_level(logging.WARNING, "pysketch"):
        assert loader.kernels() is None
    assert caplog.messages == ["no compiled kernels: _generic cannot be loaded: libc.so.6: version `GLIBC_9' not found"]


def test_on_windows_nobody_is_sent_for_a_compiler(built, monkeypatch):
    built()
    monkeypatch.setattr(loader.os, "name", "nt")
    assert loader.describe() == "no compiled kernels: this install has none; there are none for Windows"


def test_any_change_of_the_c_changes_its_digest(tmp_path):
    assert loader.sources(tmp_path) is None
    for path in [*loader._HERE.glob("*.c"), *loader._HERE.glob("*.h")]:
        shutil.copy(path, tmp_path)
    assert loader.sources(tmp_path) == loader.sources()
    (tmp_path / "calls.h").write_bytes((tmp_path / "calls.h").read_bytes() + b"\n")
    changed = loader.sources(tmp_path)
    assert changed != loader.sources()
    (tmp_path / "calls.h").rename(tmp_path / "other.h")
    assert loader.sources(tmp_path) not in (changed, loader.sources())


def test_what_is_built_here_is_loaded():
    """Where it is; a checkout without a compiler has nothing to load."""
    module = loader.kernels()
    if module is None:
        pytest.skip(loader.describe())
    assert module.sources == loader.sources()
    assert "generic" in module.sets
