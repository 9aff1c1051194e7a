"""Where arrays live and who computes with them.

NumPy arrays live on the CPU, CuPy arrays on a GPU, and the array itself decides: ``xp = array_module(x)``, then
``xp.maximum(x, 0)`` is right for both. A `Device` only says where new arrays are made; a `Blob` is an array with its
gradient; `Workers` are the threads that share a layer's work on a CPU; a `Kernel` is a piece of CUDA of ours.

Start reading at `backend`, the only module that imports CuPy, then `blob` and `workers`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "backend": [
            "CPU",
            "Array",
            "Device",
            "allow_tf32",
            "array_module",
            "blas",
            "choose_device",
            "copy_into",
            "cuda_versions",
            "is_same_memory",
            "nccl_of",
            "out_of_memory",
            "to_host",
        ],
        "blob": ["Blob"],
        "images": ["add_images", "are_images"],
        "kernel": ["Kernel"],
        "prefetch": ["Prefetcher"],
        "staging": ["Stage"],
        "workers": ["ALIGNMENT", "SLACK", "Arena", "Workers", "padded"],
    },
)
