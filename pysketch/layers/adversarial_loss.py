"""AdversarialLoss: how far a critic's scores are from what somebody wants them to be."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class AdversarialLoss(Layer):
    r"""L = mean (s - wanted)^2 / 2 over a critic's scores s, of any shape; the top has shape ().

    Least-squares adversarial training (Mao et al., ICCV 2017, equation 9 with a = 0, b = c = 1): a critic D learns to
    tell the artist's sketches S (score 1) from the predictions f (score 0), and the generator learns to draw what the
    critic takes for an artist's::

        L_D = mean (D(S) - 1)^2 / 2 + mean D(f)^2 / 2          over the critic's params
        L_G = mean (D(f) - 1)^2 / 2                            over the generator's

    With n scores and g the top's diff, dL/ds = g (s - wanted) / n. One backward pass takes both steps at once, if
    neither loss reaches the other's params. So D stands in the netdef three times, its params shared by name:

    1. D(S), and 2. D(f) with ``propagate_down: false`` at f: the sum of their diffs is dL_D / d params of D, and
       df gets nothing of it.
    3. D(f) again, its params stated with ``lr_mult: 0``: used, and no diff added to them, so that of
       dL_G = dL_G/dD J_D(f) only df = J_D(f)^T (D(f) - 1) / n is left, which goes on into the generator.

    Turning the gradient of 2 in place of 3 (`GradientScale` with a scale below 0) would need one pass less, but then
    df = -J_D(f)^T D(f) / n, which is 0 just where the critic is sure that nobody drew this (D(f) = 0), and where there
    is most to learn.
    """

    type = "AdversarialLoss"
    table = Table("AdversarialLoss", (Option("wanted", Kind.FLOAT, 1.0, help="the score: 1 an artist's, 0 a net's"),))
    is_loss = True
    mixes_batch = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        if not bottom[0].count:
            raise self.shape_error(f'"{self.definition.bottom[0]}" {bottom[0].shape} has no scores')
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """mean (s - wanted)^2 / 2."""
        difference = bottom[0].data - self.options.wanted
        top[0].data[...] = (difference * difference).mean() / 2

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """(s - wanted) / n, times the top's diff."""
        if propagate_down[0]:
            scores = bottom[0]
            self.xp.subtract(scores.data, self.options.wanted, out=scores.diff)
            scores.diff[...] *= top[0].diff / scores.count
