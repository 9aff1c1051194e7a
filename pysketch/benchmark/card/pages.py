"""The report as a Markdown page for people: the card, ours against PyTorch, the other sections, then what failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pysketch.benchmark.contender.child import OURS
from pysketch.report import markdown

Found = dict[str, Any]


def in_markdown(report: Found) -> list[str]:
    """The page's lines, of whatever sections there are."""
    sections = report["sections"]
    lines = [f"# pysketch on {_card_name(sections)}", "", *_card(report), ""]
    for name in ("float32", "tf32"):
        lines += _section(sections, name, _races)
    lines += _section(sections, "table2", _quoted)
    lines += _section(sections, "accuracy", _accuracy)
    lines += _section(sections, "calls", _calls)
    for name in ("gpu_tests", "tests"):
        lines += _section(sections, name, _tests)
    lines += _section(sections, "roofline", _quoted)
    return [*lines, "## What failed, and what had no time", "", *_failures(sections), ""]


def _section(sections: Found, name: str, body: Any) -> list[str]:
    """Heading and body of a section that has found anything."""
    found = {
        piece: each["found"] for piece, each in sections.get(name, {"pieces": {}})["pieces"].items() if "found" in each
    }
    return [f"## {sections[name]['title']}", "", *body(found), ""] if found else []


def _card_name(sections: Found) -> str:
    return _piece(sections, "versions", "card").get("name", "a card")


def _piece(sections: Found, section: str, piece: str) -> Found:
    return sections.get(section, {"pieces": {}})["pieces"].get(piece, {}).get("found", {})


def _card(report: Found) -> Iterator[str]:
    """A list of the card, the libraries, the machine, the report itself."""
    sections = report["sections"]
    card, software, torch = (_piece(sections, "versions", piece) for piece in ("card", "software", "PyTorch"))
    if card:
        yield (
            f"- Card: {card['name']}, compute capability {card['compute_capability']}, {card['multiprocessors']} "
            f"multiprocessors, {card['memory_bytes'] / 2**30:.1f} GiB; nvidia-smi: {card['nvidia_smi'] or 'none'}"
        )
        yield f"- CuPy: {card['found']}"
        yield f"- CUDA: {', '.join(f'{name} {number}' for name, number in card['libraries'].items())}"
    if torch:
        cudnn = f"cuDNN {torch['cudnn']}" if torch["cudnn"] else "no cuDNN: it finds no card"
        yield f"- PyTorch: {torch['version']}, CUDA {torch['cuda']}, {cudnn}"
    if software:
        libraries = ", ".join(f"{name} {number}" for name, number in software["libraries"].items())
        yield f"- Software: Python {software['python']}, {libraries}; commit {software['commit'] or 'unknown'}"
        machine = f"{software['processor']}, {software['cores']} cores, {software['system']}"
        yield f"- Machine: {machine}; {software['kernels']}"
    yield f"- Report: {report['made']}, {report.get('seconds', 0):.0f} s of {report['plan']['seconds']:.0f}"


def _races(found: Found) -> Iterator[str]:
    """Drawing and learning: a row for each net and batch."""
    for phase, heading in (("test", "Drawing: forward"), ("train", "Learning: forward, backward, update by Adam")):
        pieces = [piece for piece in found.values() if piece["phase"] == phase]
        if not pieces:
            continue
        peers = list(dict.fromkeys(name for piece in pieces for name in piece["contenders"] if name != OURS))
        yield f"{heading}, ms; a ratio is PyTorch's time over ours: above 1 we are faster."
        yield ""
        yield from markdown([_race_head(phase, peers), *(_race_row(phase, piece, peers) for piece in pieces)])
        yield ""


def _race_head(phase: str, peers: list[str]) -> list[str]:
    names = ["forward", "backward", "step"] if phase == "train" else ["forward"]
    head = ["net, batch", *(f"{name} ms" for name in names), "host ms", "TFLOP/s", "MiB"]
    for peer in peers:
        head += [*(f"{peer} {name} ms" for name in names), f"{peer} MiB", "ratio", "difference"]
    return head


def _race_row(phase: str, piece: Found, peers: list[str]) -> list[str]:
    ours = piece["contenders"].get(OURS)
    row = [f"{piece['net']}, {piece['batch']}", *_milliseconds(phase, ours)]
    row += [f"{ours['host_ms']:.3f}", f"{piece['flops'] / ours['median_ms'] / 1e9:.2f}"] if ours else ["-", "-"]
    row.append(_mebibytes(ours))
    errors = piece.get("errors", {})
    for peer in peers:
        theirs = piece["contenders"].get(peer)
        row += [*_milliseconds(phase, theirs), _mebibytes(theirs)]
        equal = ours and theirs and peer not in errors
        row.append(f"{theirs['median_ms'] / ours['median_ms']:.2f}" if equal else "-")
        row.append(f"{theirs['difference']:.1e}" if theirs and "difference" in theirs else "-")
    return row


def _milliseconds(phase: str, contender: Found | None) -> list[str]:
    if phase == "test":
        return [f"{contender['median_ms']:.3f}" if contender else "-"]
    if contender is None:
        return ["-"] * 3
    parts = contender["parts_ms"]
    return [f"{number:.3f}" for number in (parts["forward"], parts["backward"], contender["median_ms"])]


def _mebibytes(contender: Found | None) -> str:
    taken = contender and contender.get("device_bytes")
    return f"{taken / 2**20:.0f}" if taken else "-"


def _quoted(found: Found) -> Iterator[str]:
    """What the tool itself prints, as it is."""
    for piece in found.values():
        yield from ("```", *piece["lines"], "```", "")


def _accuracy(found: Found) -> Iterator[str]:
    """Sketches in grey levels, then gradients beside those of the CPU."""
    sketches = {name: piece for name, piece in found.items() if "pixels" in piece}
    if sketches:
        yield "One photo drawn on the card and on the CPU, grey levels of 0 to 255:"
        yield ""
        rows = [["net", "largest difference", "pixels that differ when rounded", "of"]]
        for name, piece in sketches.items():
            row = f"{piece['largest_grey_levels']:.1e}", str(piece["pixels_differ"]), str(piece["pixels"])
            rows.append([name, *row])
        yield from (*markdown(rows), "")
    steps = {name: piece for name, piece in found.items() if "card" in piece}
    if steps:
        yield "Loss and gradients of a step of two small pairs, from those of float64 on the CPU:"
        yield ""
        rows = [["net", "the card's difference", "the CPU's in float32", "the card's is largest in"]]
        for name, piece in steps.items():
            rows.append([name, f"{piece['card']:.1e}", f"{piece['cpu_float32']:.1e}", piece["in"]])
        yield from markdown(rows)


def _calls(found: Found) -> list[str]:
    """A row for each step; the JSON file has every function's name."""
    kinds = [kind for kind in next(iter(found.values())) if kind != "by_name"]
    return markdown(
        [["step", *kinds], *([name, *(str(piece[kind]) for kind in kinds)] for name, piece in found.items())]
    )


def _tests(found: Found) -> list[str]:
    """How many passed."""
    kinds = ("passed", "failed", "skipped")
    rows = [["tests", *kinds, "seconds"]]
    rows += [[name, *(str(piece[kind]) for kind in kinds), f"{piece['seconds']:.0f}"] for name, piece in found.items()]
    return markdown(rows)


def _failures(sections: Found) -> list[str]:
    """A line for each error of a section, with the pieces that have it, and for those pieces that were not reached."""
    lines = []
    for found in sections.values():
        reasons: dict[str, list[str]] = {}
        for name, piece in found["pieces"].items():
            if "error" in piece:
                reasons.setdefault(piece["error"], []).append(name)
        if "error" in found:
            lines.append(f"- {found['title']}: {found['error']}")
        lines += [f"- {found['title']}: {'; '.join(names)}: {reason}" for reason, names in reasons.items()]
        left = [piece for piece in found["planned"] if piece not in found["pieces"]]
        if left:
            lines.append(f"- {found['title']}: not done: {'; '.join(left)}")
    return lines or ["Nothing."]
