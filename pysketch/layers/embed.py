"""Embed: a learned vector for each whole number, as a table of words has."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.layers.labels import read_indices
from pysketch.netdef import FILLER, Kind, Option, Table


@register
class Embed(Layer):
    """y = W[x] + b: row x of W for every x of the bottom, 0 .. input_dim - 1; the top has an axis more, of num_output.

    W: (input_dim, num_output), b: (num_output,). The same as an InnerProduct of one-hot vectors.
    dW[i] = the sum of dy where x = i, db = the sum of dy. The bottom gets no gradient. DataError for an x out of range.
    """

    type = "Embed"
    section = "embed_param"
    table = Table(
        "EmbedParameter",
        (
            Option("num_output", Kind.UINT32, required=True, low=1, help="numbers in a vector"),
            Option("input_dim", Kind.UINT32, required=True, low=1, help="how many vectors"),
            Option("bias_term", Kind.BOOL, True, help="add b?"),
            Option("weight_filler", FILLER),
            Option("bias_filler", FILLER),
        ),
    )
    no_gradient = (0,)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make weights and bias, from the fillers, in this order."""
        options = self.options
        self.add_filled(options.weight_filler, (options.input_dim, options.num_output))
        if options.bias_term:
            self.add_filled(options.bias_filler, (options.num_output,))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(...) -> (..., num_output)."""
        top[0].reshape(*bottom[0].shape, self.options.num_output)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Rows of W, and b."""
        y = top[0].data
        y[...] = self.blobs[0].data[self._indices(bottom)].reshape(y.shape)
        if self.options.bias_term:
            y += self.blobs[1].data

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dW and db; each only if asked for."""
        if propagate_down[0]:
            raise self.error(f"a {self.type} layer cannot propagate down to its indices")
        dy = top[0].diff.reshape(-1, self.options.num_output)
        if self.param_propagate_down[0]:
            self.xp.add.at(self.blobs[0].diff, self._indices(bottom), dy)
        if self.options.bias_term and self.param_propagate_down[1]:
            self.blobs[1].diff[...] += dy.sum(axis=0)

    def _indices(self, bottom: Sequence[Blob]) -> Array:
        return read_indices(self, 0, bottom[0].data.reshape(-1), self.options.input_dim)
