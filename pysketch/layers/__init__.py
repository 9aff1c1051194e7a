"""All layers. Importing this package registers them; a new layer is one file here and one line below."""

from pysketch.layers.convolution import Convolution
from pysketch.layers.euclidean_loss import EuclideanLoss
from pysketch.layers.generative_discriminative_loss import GenerativeDiscriminativeLoss
from pysketch.layers.hdf5_data import HDF5Data
from pysketch.layers.input import Input
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.layers.python import Python
from pysketch.layers.relu import ReLU
from pysketch.layers.split import Split

__all__ = [
    "Convolution",
    "EuclideanLoss",
    "GenerativeDiscriminativeLoss",
    "HDF5Data",
    "Input",
    "PhotoSketchData",
    "Python",
    "ReLU",
    "Split",
]
