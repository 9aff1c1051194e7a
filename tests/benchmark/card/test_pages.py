"""The page says first what the card is, then how we stand beside PyTorch, and at last what failed."""

from __future__ import annotations

from pysketch.benchmark.card.pages import in_markdown


def contender(step, **more):
    parts = {"forward": step / 4, "backward": step / 2, "update": step / 4}
    return {"median_ms": step, "parts_ms": parts, "host_ms": 0.5, "runs_ms": [step], "device_bytes": 3 << 20, **more}


def race(phase, torch=True, **more):
    both = {"pysketch": contender(4.0)}
    if torch:
        both["torch"] = contender(6.0, difference=2e-6)
    return {"net": "medium", "phase": phase, "batch": 8, "flops": 8_000_000_000, "contenders": both, **more}


CARD = {
    "name": "K40",
    "compute_capability": "9.0",
    "multiprocessors": 132,
    "memory_bytes": 12 << 30,
    "nvidia_smi": None,
    "found": "K40, CuPy 14",
    "libraries": {"runtime": "13.0"},
}
SOFTWARE = {
    "python": "3.12",
    "libraries": {"numpy": "2.3"},
    "commit": "abc",
    "processor": "EPYC",
    "cores": 16,
    "kernels": "no compiled kernels",
    "system": "Linux",
}
VERSIONS = {
    "title": "The card",
    "planned": ["card", "software", "PyTorch"],
    "pieces": {
        "card": {"found": CARD},
        "software": {"found": SOFTWARE},
        "PyTorch": {"found": {"version": "2.11", "cuda": "13.0", "cudnn": 91002, "card": "K40"}},
    },
}


def report(**sections):
    return {"made": "today", "seconds": 77.0, "plan": {"seconds": 450}, "sections": sections}


def section(title, planned=(), error=None, **pieces):
    found = {"title": title, "planned": list(planned), "pieces": pieces}
    return {**found, "error": error} if error else found


def test_an_empty_report_says_that_nothing_failed():
    page = in_markdown(report())
    assert page[0] == "# pysketch on a card"
    assert page[-2] == "Nothing."


def test_the_card_the_libraries_and_the_machine_come_first():
    page = in_markdown(report(versions=VERSIONS))
    assert page[0] == "# pysketch on K40"
    assert page[2] == ("- Card: K40, compute capability 9.0, 132 multiprocessors, 12.0 GiB; nvidia-smi: none")
    assert page[3:9] == [
        "- CuPy: K40, CuPy 14",
        "- CUDA: runtime 13.0",
        "- PyTorch: 2.11, CUDA 13.0, cuDNN 91002",
        "- Software: Python 3.12, numpy 2.3; commit abc",
        "- Machine: EPYC, 16 cores, Linux; no compiled kernels",
        "- Report: today, 77 s of 450",
    ]


def test_a_race_is_a_row_with_a_ratio():
    pieces = {"a": {"found": race("test")}, "b": {"found": race("train")}}
    page = in_markdown(report(float32=section("Against PyTorch", pieces, **pieces)))
    assert (
        "| net, batch | forward ms | host ms | TFLOP/s | MiB | torch forward ms | torch MiB | ratio | difference |"
        in page
    )
    assert "| medium, 8 | 4.000 | 0.500 | 2.00 | 3 | 6.000 | 3 | 1.50 | 2.0e-06 |" in page
    row = "| medium, 8 | 1.000 | 2.000 | 4.000 | 0.500 | 2.00 | 3 | 1.500 | 3.000 | 6.000 | 3 | 1.50 | 2.0e-06 |"
    assert row in page


def test_who_failed_or_computes_something_else_has_no_ratio():
    alone = race("test", torch=False)
    other = race("test", errors={"torch": "differs"})
    ours = race("test")
    del ours["contenders"]["pysketch"]
    pieces = {"a": {"found": alone}, "b": {"found": other, "error": "differs"}, "c": {"found": ours}}
    page = in_markdown(report(float32=section("Against PyTorch", pieces, **pieces)))
    assert "| medium, 8 | 4.000 | 0.500 | 2.00 | 3 | - | - | - | - |" in page
    assert "| medium, 8 | 4.000 | 0.500 | 2.00 | 3 | 6.000 | 3 | - | 2.0e-06 |" in page
    assert "| medium, 8 | - | - | - | - | 6.000 | 3 | - | 2.0e-06 |" in page


def test_accuracy_calls_tests_and_rooflines_have_their_tables():
    step = {"math": "default", "card": 2e-7, "in": "loss", "cpu_float32": 1e-7}
    drawn = {"largest_grey_levels": 3e-5, "pixels_differ": 1, "pixels": 44}
    page = in_markdown(
        report(
            accuracy=section("Accuracy", small={"found": step}, drawing={"found": drawn}),
            calls=section("Calls", small={"found": {"launches": 9, "waits": 0, "by_name": {"cuLaunchKernel": 9}}}),
            tests=section("Tests", gpu={"found": {"passed": 5, "failed": 1, "skipped": 2, "seconds": 3.2}}),
            roofline=section("Rooflines", small={"found": {"lines": ["a  b"]}}),
        )
    )
    for row in (
        "| small | 2.0e-07 | 1.0e-07 | loss |",
        "| drawing | 3.0e-05 | 1 | 44 |",
        "| step | launches | waits |",
        "| small | 9 | 0 |",
        "| gpu | 5 | 1 | 2 | 3 |",
        "a  b",
    ):
        assert row in page


def test_what_failed_is_named_once_for_all_pieces_that_failed_so():
    pieces = {"a": {"error": "no torch"}, "b": {"error": "no torch", "found": race("test")}, "c": {"error": "lost"}}
    page = in_markdown(
        report(float32=section("Races", [*pieces, "d", "e"], "it was ended", **pieces), calls=section("Calls", ["x"]))
    )
    assert page[page.index("## What failed, and what had no time") + 2 : -1] == [
        "- Races: it was ended",
        "- Races: a; b: no torch",
        "- Races: c: lost",
        "- Races: not done: d; e",
        "- Calls: not done: x",
    ]
