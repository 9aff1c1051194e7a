"""What PyTorch says of itself and its card; it is imported by the section that asks, in a process of its own."""

from __future__ import annotations

from typing import Any


def versions() -> dict[str, Any]:
    """Its version, its CUDA and cuDNN, and the card that it finds; ModuleNotFoundError without it."""
    import torch

    has_card = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if has_card else None,
        "card": torch.cuda.get_device_name(0) if has_card else None,
    }
