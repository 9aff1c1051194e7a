"""What a solver file leaves out or says in vain, where Caffe is silent and trains badly: one line for each."""

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

_READ = {policy: {*options, "stepsize"} if policy == "step" else {*options} for policy, options in _LACKING.items()}
_OF_POLICIES = ("gamma", "power", "stepsize", "stepvalue")

_OF_TYPES = {
    "momentum2": ("Adam",),
    "rms_decay": ("RMSProp",),
    "delta": ("AdaGrad", "RMSProp", "AdaDelta", "Adam"),
}
"""The types of solver that read an option."""


def hints(options: Options, type: str) -> list[tuple[str, str]]:
    """(an option, what to say of it) for each hint on a solver of this type; the option says where it stands."""
    found = []
    if not options.given("base_lr"):
        found.append(("base_lr", "no base_lr: 0 is taken, so that nothing is learned"))
    for name, effect in _LACKING.get(options.lr_policy, {}).items():
        if not options.given(name):
            taken = "none is" if name == "stepvalue" else "0 is"
            found.append(
                ("lr_policy", f'lr_policy "{options.lr_policy}" without {name}: {taken} taken, so that {effect}')
            )
    read = _READ.get(options.lr_policy, set())
    found += [
        (name, f'{name} has no effect: lr_policy "{options.lr_policy}" does not read it')
        for name in _OF_POLICIES
        if options.given(name) and name not in read
    ]
    found += [
        (name, f"{name} has no effect: a solver of type {type} does not read it")
        for name, types in _OF_TYPES.items()
        if options.given(name) and type not in types
    ]
    tests = next((name for name in ("test_iter", "test_net", "test_state") if options.given(name)), None)
    if tests and not options.test_interval:
        found.append((tests, f"{tests} without test_interval: 0 is taken, so that nothing is tested"))
    return found
