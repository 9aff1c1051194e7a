"""What a solver file leaves out, where Caffe is silent and trains badly: one line for each."""

from __future__ import annotations

from pysketch.netdef import Options

_FALLS_TO_0, _NEVER_FALLS = "the rate is 0 from its first step on", "the rate never falls"

_LACKING = {
    "step": {"gamma": _FALLS_TO_0},
    "exp": {"gamma": "the rate is 0 from iteration 1 on"},
    "inv": {"gamma": _NEVER_FALLS, "power": _NEVER_FALLS},
    "multistep": {"gamma": _FALLS_TO_0, "stepvalue": _NEVER_FALLS},
    "poly": {"power": _NEVER_FALLS},
    "sigmoid": {"gamma": "the rate is half of base_lr throughout", "stepsize": "its middle is iteration 0"},
}
"""By lr_policy: what it reads besides base_lr, and what Caffe's default, 0 or none at all, does to the rate."""


def hints(options: Options) -> list[tuple[str, str]]:
    """(an option, what to say of it) for each hint; the option says where it stands."""
    found = []
    if not options.given("base_lr"):
        found.append(("base_lr", "no base_lr: 0 is taken, so that nothing is learned"))
    for name, effect in _LACKING.get(options.lr_policy, {}).items():
        if not options.given(name):
            taken = "none is" if name == "stepvalue" else "0 is"
            found.append(
                ("lr_policy", f'lr_policy "{options.lr_policy}" without {name}: {taken} taken, so that {effect}')
            )
    return found
