"""The engines that convolve: patches unfolded into columns and matrix products, or Winograd's filtering, or both.

An engine has forward, backward_weights and backward_bottom for one geometry, a `Window`, and works in pieces that fit
the workers' memory. On a CPU the pieces are small blocks that stay in a core's cache, on a GPU (``..._batched``) few
large tiles. `direct_engine` and `tile_engine` have what compiled kernels do (`pysketch.native`), the others are NumPy's
calls. Which engine a layer takes, geometry x device, stands in one place: `engine_choice`.

Start reading at `im2col`, then `gemm_engine`; `winograd` has the other algorithm's matrices, `strip_engine` uses it
along the columns alone.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "blocks": ["parts"],
        "direct_engine": ["DirectEngine"],
        "engine_choice": ["ENGINES", "Engine", "choose_way", "cost", "device_of", "possible_ways"],
        "gemm": ["multiply"],
        "im2col": ["Window"],
        "receptive_field": ["POINT", "Fields", "ReceptiveField"],
        "rectifier": ["Finish", "gate", "rectify"],
        "stamping": ["stamp", "stamped", "unstamp"],
        "strip_engine": ["Strips"],
        "unfolding_batched": ["cut_tiles"],
        "winograd": ["KERNELS", "TILE"],
        "winograd_batched": ["run_length"],
        "winograd_engine": ["winograd_fits"],
    },
)
