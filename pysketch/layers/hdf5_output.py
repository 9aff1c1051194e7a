"""HDF5Output: a batch to an HDF5 file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from pysketch.device import Blob, to_host
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Kind, Option, Table
from pysketch.weights import write_datasets


@register
class HDF5Output(Layer):
    """Writes its bottoms to a file as the datasets `data` and `label` (float32), as Caffe does; HDF5Data reads it.

    Each forward writes the file anew, whole or not at all: it holds the last batch. (Caffe ends with an error at the
    second one.)

    A netdef may come from a stranger, so it alone must not write: the user names a folder (``Net(output_dir=...)``,
    on the command line --output DIR), and file_name is a path in that folder. Without one, and for a path
    that leads out of it, the layer is refused.
    """

    type = "HDF5Output"
    section = "hdf5_output_param"
    table = Table(
        "HDF5OutputParameter", (Option("file_name", Kind.STRING, required=True, help="a path in the user's folder"),)
    )
    bottoms = Count(2)
    tops = Count(0)
    mixes_batch = True
    leaves_traces = True
    no_gradient = (0, 1)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the path; nothing is written yet."""
        name, at = self.options.file_name, self.options.position("file_name")
        if self.context.output_dir is None:
            raise self.error(
                f'the netdef wants to write the file "{name}"; to let it, name a folder for it with --output DIR, '
                "in Python Context(output_dir=DIR)",
                at=at,
            )
        folder = Path(self.context.output_dir).resolve()
        self.path = _inside(folder, name)
        if self.path is None:
            raise self.error(f'the file_name "{name}" leads out of the output folder {folder}', at=at)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The bottoms must have equally many rows."""
        rows = [blob.shape[0] if blob.shape else 0 for blob in bottom]
        if rows[0] != rows[1] or 0 in rows:
            names = self.definition.bottom
            raise self.shape_error(
                f'"{names[0]}" {bottom[0].shape} and "{names[1]}" {bottom[1].shape} must have equally many rows'
            )

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the file; of several processes, which all have the whole batch, the first one does."""
        if self.context.communicator.rank:
            return
        write_datasets(self.path, {"data": to_host(bottom[0].data), "label": to_host(bottom[1].data)})


def _inside(folder: Path, name: str) -> Path | None:
    """The path in the folder, links followed; None if it is not one."""
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        return None
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a loop of links, or no path at all
        return None
    return path if folder in path.parents else None
