"""The net: layers put together as a netdef says, run forward and backward, checked and looked at.

`net` holds `Net`. What it plans once, before it runs, is a module each: who needs a diff (`backward_plan`), which
ReLU a convolution does in passing (`fusion`), whose memory serves again (`lifetimes`), where one blob has several
readers (`splits`), which params are one (`params`, `flat_params`). `gradient_check` is what every layer's backward is
trusted for; `tiling` cuts large images by what each layer sees. `settings` changes a netdef before it is built.

Start reading at `net`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "batch_scores": ["batch_scores"],
        "debug_info": ["mean_magnitude"],
        "divergence": ["first_not_finite", "is_finite"],
        "flat_params": ["FlatParams", "Segment"],
        "gradient_check": ["check_gradients", "check_net_gradients"],
        "multiply_adds": ["backward_multiply_adds", "forward_multiply_adds"],
        "net": ["Net"],
        "settings": ["noted", "with_settings"],
        "splits": ["unread_tops"],
        "stand_ins": ["build_without_data"],
        "summary": ["LayerSummary", "NetSummary", "summarize"],
        "tiling": ["BUDGET", "Size", "Tile", "Tiling", "whole_image"],
    },
)
