"""Tests of pysketch.files."""

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pysketch.errors import DataError
from pysketch.files import (
    NotText,
    as_read,
    atomic_path,
    backslash_hint,
    begins_as_page,
    check_folder,
    check_output,
    describe,
    erase,
    find_file,
    left_behind,
    overwrite,
    read_table,
    read_text,
    reserve,
    where_looked,
)

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")


def write(path, text):
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask_027():
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_the_file_has_its_new_content_after_the_block(tmp_path):
    write(tmp_path / "net.h5", "new")
    assert (tmp_path / "net.h5").read_text() == "new"
    assert os.listdir(tmp_path) == ["net.h5"]


def test_a_path_given_as_text_works(tmp_path):
    write(str(tmp_path / "net.h5"), "new")
    assert (tmp_path / "net.h5").read_text() == "new"


def test_a_relative_path_lands_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("net.h5", "new")
    assert (tmp_path / "net.h5").read_text() == "new"


def test_an_existing_file_is_replaced(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    write(tmp_path / "net.h5", "new")
    assert (tmp_path / "net.h5").read_text() == "new"


def test_the_target_is_untouched_during_the_block(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    with atomic_path(tmp_path / "net.h5") as temporary:
        temporary.write_text("new")
        assert (tmp_path / "net.h5").read_text() == "old"


def test_a_new_target_does_not_exist_during_the_block(tmp_path):
    with atomic_path(tmp_path / "net.h5") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "net.h5").exists()


def test_the_temporary_file_is_hidden_in_the_same_folder_with_the_same_suffix(tmp_path):
    with atomic_path(tmp_path / "net.solverstate.h5") as temporary:
        assert isinstance(temporary, Path)
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".net.solverstate.")
        assert temporary.suffix == ".h5"
        assert str(os.getpid()) in temporary.name


def test_two_blocks_for_one_target_have_two_temporary_files_and_the_last_wins(tmp_path):
    with atomic_path(tmp_path / "net.h5") as first:
        first.write_text("first")
        with atomic_path(tmp_path / "net.h5") as second:
            assert second != first
            second.write_text("second")
        assert (tmp_path / "net.h5").read_text() == "second"
    assert (tmp_path / "net.h5").read_text() == "first"


def test_a_name_as_long_as_the_file_system_allows_works(tmp_path):
    path = tmp_path / ("n" * 252 + ".h5")
    write(path, "new")
    assert path.read_text() == "new"


def test_missing_parent_folders_are_made(tmp_path):
    write(tmp_path / "runs" / "a" / "net.h5", "new")
    assert (tmp_path / "runs" / "a" / "net.h5").read_text() == "new"


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, exception):
    (tmp_path / "net.h5").write_text("old")
    with pytest.raises(exception), atomic_path(tmp_path / "net.h5") as temporary:
        temporary.write_text("half")
        raise exception
    assert (tmp_path / "net.h5").read_text() == "old"
    assert os.listdir(tmp_path) == ["net.h5"]


def test_an_exception_before_the_first_byte_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="early"), atomic_path(tmp_path / "net.h5"):
        raise ValueError("early")
    assert os.listdir(tmp_path) == []


def test_a_failing_rename_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError("in use")

    (tmp_path / "net.h5").write_text("old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match="in use"):
        write(tmp_path / "net.h5", "new")
    assert (tmp_path / "net.h5").read_text() == "old"
    assert os.listdir(tmp_path) == ["net.h5"]


def test_the_blocks_own_error_is_reported_when_the_temporary_file_cannot_be_removed(tmp_path):
    with pytest.raises(ValueError, match="the cause"), atomic_path(tmp_path / "net.h5") as temporary:
        temporary.unlink()  # so that removing it once more is an OSError
        raise ValueError("the cause")


def test_a_block_that_loses_the_temporary_file_is_an_error(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "net.h5") as temporary:
        temporary.unlink()
    assert (tmp_path / "net.h5").read_text() == "old"


def test_the_file_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (calls.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), replace(*paths)))
    write(tmp_path / "net.h5", "new")
    assert calls == ["fsync", "replace"]


@POSIX_ONLY
def test_a_new_file_obeys_the_umask(tmp_path, umask_027):
    write(tmp_path / "net.h5", "new")
    assert mode_of(tmp_path / "net.h5") == 0o640


@POSIX_ONLY
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755, 0o444])
def test_an_existing_file_keeps_its_permission_bits(tmp_path, umask_027, mode):
    (tmp_path / "net.h5").write_text("old")
    (tmp_path / "net.h5").chmod(mode)
    write(tmp_path / "net.h5", "new")
    assert (tmp_path / "net.h5").read_text() == "new"
    assert mode_of(tmp_path / "net.h5") == mode


@POSIX_ONLY
def test_the_temporary_file_for_a_private_file_is_private(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    (tmp_path / "net.h5").chmod(0o600)
    with atomic_path(tmp_path / "net.h5") as temporary:
        assert mode_of(temporary) == 0o600


@POSIX_ONLY
def test_a_symbolic_link_stays_a_link_and_its_file_is_replaced(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "net.h5").write_text("old")
    (tmp_path / "latest.h5").symlink_to("runs/net.h5")
    write(tmp_path / "latest.h5", "new")
    assert (tmp_path / "latest.h5").is_symlink()
    assert (tmp_path / "runs" / "net.h5").read_text() == "new"


def test_a_folder_as_target_is_refused_before_the_block_runs(tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(IsADirectoryError, match="runs"), atomic_path(tmp_path / "runs"):
        pytest.fail("the block ran")
    assert os.listdir(tmp_path) == ["runs"]


@POSIX_ONLY
def test_a_device_as_target_is_refused():
    with pytest.raises(OSError, match="not a regular file"):
        write("/dev/null", "new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_parent_that_is_a_file_is_an_os_error(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError, match="runs"):
        write(tmp_path / "runs" / "net.h5", "new")


@POSIX_ONLY
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="runs"):
        write(folder / "net.h5", "new")


def test_an_os_error_from_making_the_temporary_file_passes_through(tmp_path, monkeypatch):
    def refuse(path, flags, mode=0o777):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        write(tmp_path / "net.h5", "new")


def run_child(body, path):
    """Run a process that opens atomic_path(path), writes and syncs half a file, and then runs `body`."""
    program = textwrap.dedent("""
        import os, signal, sys
        sys.path.append("pysketch")  # the file alone: the package's other files take a second
        from files import atomic_path
        with atomic_path(sys.argv[1]) as temporary, open(temporary, "w") as file:
            file.write("half")
            file.flush()
            os.fsync(file.fileno())
            print(temporary.name, flush=True)
            BODY
    """).replace("BODY", body)
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=root, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("there_was_a_file", [True, False])
def test_a_process_that_exits_without_cleaning_up_leaves_the_old_file_whole(tmp_path, there_was_a_file):
    if there_was_a_file:
        (tmp_path / "net.h5").write_text("old")
    child = run_child("os._exit(7)", tmp_path / "net.h5")
    assert child.returncode == 7, child.stderr
    assert (tmp_path / child.stdout.strip()).read_text() == "half"
    assert (tmp_path / "net.h5").exists() == there_was_a_file
    if there_was_a_file:
        assert (tmp_path / "net.h5").read_text() == "old"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_leaves_the_old_file_whole(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    child = run_child("os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "net.h5")
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert (tmp_path / child.stdout.strip()).read_text() == "half"
    assert (tmp_path / "net.h5").read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to itself alone")
def test_an_interrupted_process_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "net.h5").write_text("old")
    interrupt = "signal.signal(signal.SIGINT, signal.default_int_handler); signal.raise_signal(signal.SIGINT)"
    child = run_child(interrupt, tmp_path / "net.h5")
    assert child.returncode != 0
    assert "KeyboardInterrupt" in child.stderr
    assert (tmp_path / "net.h5").read_text() == "old"
    assert os.listdir(tmp_path) == ["net.h5"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_text_is_read_without_its_byte_order_mark(encoding, tmp_path):
    (tmp_path / "a.txt").write_bytes("für\r\n\ufeffalle\n".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "für\r\n\ufeffalle\n"


def test_a_text_of_another_encoding_is_refused_with_its_place_or_read_with_its_damage(tmp_path):
    (tmp_path / "a.txt").write_bytes("eins\nfür".encode("latin-1"))
    with pytest.raises(NotText) as error:
        read_text(tmp_path / "a.txt")
    assert (error.value.line, error.value.column) == (2, 2)
    what = (
        'expected UTF-8 text, found other bytes; is it Latin-1 (Windows-1252), where it is "ü"? save the file as UTF-8'
    )
    assert str(error.value) == f"line 2, column 2: {what}"
    assert error.value.at("a.txt") == f"a.txt:2:2: {what}"
    assert read_text(tmp_path / "a.txt", damaged=True) == "eins\nf\ufffdr"


KINDS = [
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
    (b"BM\x36\0\0\0", "a BMP picture"),
    (b"\0\0\0\x18ftypheic", "a HEIF or AVIF picture"),
    (b"\0\0\0\x18ftypisom", "a video"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"<?xml version", "an XML file"),
    (b" <!doctype HTML>", "a web page (HTML), perhaps saved in place of the file itself"),
    (
        b"version https://git-lfs.github.com/spec/v1\n",
        "a Git LFS pointer, not the file itself; git lfs pull fetches it",
    ),
    (b"pysketch gallery\n01234567\n{", "a gallery of photos, as enroll.py writes it"),
]


@pytest.mark.parametrize(("content", "kind"), KINDS)
def test_what_is_no_text_of_ours_is_named_by_what_it_begins_with(content, kind, tmp_path):
    assert describe(content) == kind
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(NotText, match=f"^is {re.escape(kind)}$"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"# n\nlayer {\n", "a netdef"),
        (b"layers: {\n", "a netdef"),
        (b"\xef\xbb\xbfnet: 'a'\n", "a solver file"),
        (b"BMW, Audi\n", "a text"),
        (b"a\x01b", ""),
        (b"\x0a\xff\xff\xff", ""),
    ],
)
def test_texts_and_what_nobody_knows_are_told_apart(content, kind):
    assert describe(content) == kind


def test_a_relative_path_is_looked_for_here_then_in_the_folders_in_their_order(tmp_path, monkeypatch):
    for name in ("here", "a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    folders = [tmp_path / "a", tmp_path / "b"]
    assert find_file("x/y.txt", folders) == "x/y.txt"
    for name in ("b", "a"):
        (tmp_path / name / "x").mkdir()
        (tmp_path / name / "x" / "y.txt").touch()
        assert find_file("x/y.txt", folders) == str(tmp_path / name / "x/y.txt")
    (tmp_path / "here" / "x").mkdir()
    (tmp_path / "here" / "x" / "y.txt").touch()
    assert find_file("x/y.txt", folders) == "x/y.txt"
    assert find_file(str(tmp_path / "none"), folders) == str(tmp_path / "none")


def test_where_a_path_was_looked_for_is_said_once_each_and_nothing_of_a_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert where_looked("a.txt", [".", tmp_path, "sub"]) == f"; looked for it in {tmp_path}, {tmp_path / 'sub'}"
    assert where_looked(str(tmp_path / "a.txt"), ["sub"]) == ""


def test_backslashes_that_became_something_else_are_told():
    assert as_read("C:\new\train.txt") == "C:<a line break>ew<a tab>rain.txt"
    expected = r"; a backslash begins an escape, such as \n for a line break: write / in paths, as in C:/new/train.txt"
    assert backslash_hint("C:\new\train.txt") == expected
    assert backslash_hint("C:/new/train.txt") == ""
    assert as_read("a\x01b") == "a<character 1>b"


def test_a_byte_of_a_name_that_is_no_text_can_be_traced():
    name = b"M\xfcller\x80\xff.png".decode(errors="surrogateescape")
    assert as_read(name) == r"M\xfcller\x80\xff.png"
    assert as_read("\ud800ü") == "<character 55296>ü"
    assert backslash_hint(name) == ""


@pytest.mark.skipif(os.sep != "/", reason="on Windows a backslash is what it is")
def test_a_backslash_means_nothing_in_a_path_here():
    assert backslash_hint("sub\\a.txt") == "; write / in paths, as in sub/a.txt"


@POSIX_ONLY
def test_a_new_file_can_be_its_owners_alone(tmp_path, umask_027):
    with atomic_path(tmp_path / "new.h5", 0o600) as temporary:
        assert mode_of(temporary) == 0o600
    assert mode_of(tmp_path / "new.h5") == 0o600


def test_what_is_left_behind_of_a_target_is_found_and_nothing_else(tmp_path):
    with atomic_path(tmp_path / "net.h5") as temporary:
        for name in (".net.h5", ".net.1-00.h5", ".nets.1-0123abcd.h5", "net.1-0123abcd.h5", ".net.1-0123abcd.txt"):
            (tmp_path / name).write_text("")
        assert left_behind(tmp_path / "net.h5") == [temporary]
    assert left_behind(tmp_path / "net.h5") == []
    assert left_behind(tmp_path / "none" / "net.h5") == []


def test_of_a_name_that_others_may_share_nothing_is_called_left_behind(tmp_path):
    with atomic_path(tmp_path / f"{'n' * 41}.h5"):
        assert left_behind(tmp_path / f"{'n' * 41}.h5") == []


def test_an_erased_file_is_zeros_to_whoever_has_it_open_and_gone(tmp_path):
    (tmp_path / "a").write_bytes(b"secret" * 400_000)
    with (tmp_path / "a").open("rb") as stream:
        erase(tmp_path / "a")
        assert stream.read() == bytes(2_400_000)
    assert list(tmp_path.iterdir()) == []
    erase(tmp_path / "a")  # which is not there any more


def test_an_overwritten_file_keeps_its_length(tmp_path):
    (tmp_path / "a").write_bytes(b"secret")
    with (tmp_path / "a").open("r+b", buffering=0) as stream:
        stream.seek(3)
        overwrite(stream)
    assert (tmp_path / "a").read_bytes() == bytes(6)


def test_an_output_is_none_of_the_inputs_by_whatever_name(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for output in ("a", "link", "./a"):
        with pytest.raises(DataError, match=f"{output}: is read by this command, and would be overwritten"):
            check_output(f"{tmp_path}/{output}", [tmp_path / "none", tmp_path / "a"])
    for output in ("b", "none"):
        check_output(tmp_path / output, [tmp_path / "none", tmp_path / "a"])


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_folder("a.html")
    with pytest.raises(DataError, match=f"^new/a.html: there is no folder {re.escape(str(tmp_path))}/new; make it"):
        check_folder("new/a.html")


@pytest.mark.parametrize(
    ("content", "is_page"), [(b"\n<!DOCTYPE html>", True), (b"<HEAD>", True), (b"a <html>", False)]
)
def test_a_web_page_is_known_by_its_beginning(content, is_page, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert begins_as_page(tmp_path / "a") is is_page


def test_a_table_is_its_rows_with_their_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbffile, person\r\n a.png ,"Smith, John"\r\n\r\n,\r\nb.png,\r\n')
    assert read_table(path, ["file", "person"]) == [(2, ["a.png", "Smith, John"]), (5, ["b.png", ""])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1: expected the header file,person, found nothing"),
        (b"file\x1b,person\n", ":1: expected the header file,person, found file<character 27>,person"),
        (b"file,person\n\na,b,c\n", ":3: expected 2 values, found 3"),
        (b"\xff\xff\xff\xff", ": not a readable CSV file: line 1, column 1: "),
        (b"file,person\n" + b"a" * 200_000, ": not a readable CSV file: field larger than"),
    ],
)
def test_what_is_no_such_table_is_told_with_its_line(content, message, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(tmp_path / "t.csv", ["file", "person"])


@pytest.mark.parametrize("how", ["the system's way", "without it", "where the file system has none"])
def test_reserved_bytes_are_zeros_behind_what_is_there(how, tmp_path, monkeypatch):
    def has_none(*arguments):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if how == "without it":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif how != "the system's way":
        monkeypatch.setattr(os, "posix_fallocate", has_none, raising=False)
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    reserve(path, 1_200_000)
    assert path.read_bytes() == b"abc" + bytes(1_200_000 - 3)
    reserve(path, 2)
    assert path.stat().st_size == 1_200_000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_without_room_for_what_is_to_be_reserved_is_an_error(number, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(number, "full")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="full"):
        reserve(tmp_path / "file", 10)
