"""The net: layers put together as a netdef says, run forward and backward, checked and looked at.

`net` holds `Net`. What it plans once, before it runs, is a module each: who needs a diff (`backward_plan`), which
ReLU a convolution does in passing (`fusion`), whose memory serves again (`lifetimes`), where one blob has several
readers (`splits`), which params are one (`params`, `flat_params`). `gradient_check` is what every layer's backward is
trusted for; `tiling` cuts large images by what each layer sees. `settings` changes a netdef before it is built.

Start reading at `net`.
"""

from pysketch.net.batch_scores import batch_scores
from pysketch.net.debug_info import mean_magnitude
from pysketch.net.divergence import first_not_finite, is_finite
from pysketch.net.flat_params import FlatParams, Segment
from pysketch.net.gradient_check import check_gradients, check_net_gradients
from pysketch.net.multiply_adds import backward_multiply_adds, forward_multiply_adds
from pysketch.net.net import Net
from pysketch.net.settings import noted, with_settings
from pysketch.net.splits import unread_tops
from pysketch.net.stand_ins import build_without_data
from pysketch.net.summary import LayerSummary, NetSummary, summarize
from pysketch.net.tiling import BUDGET, Size, Tile, Tiling, whole_image

__all__ = [
    "BUDGET",
    "FlatParams",
    "LayerSummary",
    "Net",
    "NetSummary",
    "Segment",
    "Size",
    "Tile",
    "Tiling",
    "backward_multiply_adds",
    "batch_scores",
    "build_without_data",
    "check_gradients",
    "check_net_gradients",
    "first_not_finite",
    "forward_multiply_adds",
    "is_finite",
    "mean_magnitude",
    "noted",
    "summarize",
    "unread_tops",
    "whole_image",
    "with_settings",
]
