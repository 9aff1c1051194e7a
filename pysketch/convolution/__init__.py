"""The engines that convolve: patches unfolded into columns and matrix products, or Winograd's filtering, or both.

An engine has forward, backward_weights and backward_bottom for one geometry, a `Window`, and works in pieces that fit
the workers' memory. On a CPU the pieces are small blocks that stay in a core's cache, on a GPU (``..._batched``) few
large tiles. Which engine a layer takes, geometry x device, stands in one place: `engine_choice`.

Start reading at `im2col`, then `gemm_engine`; `winograd` has the other algorithm's matrices, `strip_engine` uses it
along the columns alone.
"""

from pysketch.convolution.blocks import parts
from pysketch.convolution.engine_choice import ENGINES, Engine, choose_way, cost, possible_ways, winograd_fits
from pysketch.convolution.gemm import multiply
from pysketch.convolution.im2col import Window
from pysketch.convolution.receptive_field import POINT, Fields, ReceptiveField
from pysketch.convolution.rectifier import Finish, gate, rectify
from pysketch.convolution.strip_engine import Strips
from pysketch.convolution.unfolding_batched import cut_tiles
from pysketch.convolution.winograd import KERNELS, TILE
from pysketch.convolution.winograd_batched import run_length

__all__ = [
    "ENGINES",
    "KERNELS",
    "POINT",
    "TILE",
    "Engine",
    "Fields",
    "Finish",
    "ReceptiveField",
    "Strips",
    "Window",
    "choose_way",
    "cost",
    "cut_tiles",
    "gate",
    "multiply",
    "parts",
    "possible_ways",
    "rectify",
    "run_length",
    "winograd_fits",
]
