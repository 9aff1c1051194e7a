"""All layers. Importing this package registers them; a new layer is one file here and one line below."""

from pysketch.layers.accuracy import Accuracy
from pysketch.layers.batch_norm import BatchNorm
from pysketch.layers.convolution import Convolution
from pysketch.layers.deconvolution import Deconvolution
from pysketch.layers.dummy_data import DummyData
from pysketch.layers.euclidean_loss import EuclideanLoss
from pysketch.layers.generative_discriminative_loss import GenerativeDiscriminativeLoss
from pysketch.layers.hdf5_data import HDF5Data
from pysketch.layers.hdf5_output import HDF5Output
from pysketch.layers.hinge_loss import HingeLoss
from pysketch.layers.image_data import ImageData
from pysketch.layers.inner_product import InnerProduct
from pysketch.layers.input import Input
from pysketch.layers.lrn import LRN
from pysketch.layers.mvn import MVN
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.layers.pooling import Pooling
from pysketch.layers.python import Python
from pysketch.layers.relu import ReLU
from pysketch.layers.sigmoid_cross_entropy_loss import SigmoidCrossEntropyLoss
from pysketch.layers.softmax import Softmax
from pysketch.layers.softmax_with_loss import SoftmaxWithLoss
from pysketch.layers.split import Split

__all__ = [
    "LRN",
    "MVN",
    "Accuracy",
    "BatchNorm",
    "Convolution",
    "Deconvolution",
    "DummyData",
    "EuclideanLoss",
    "GenerativeDiscriminativeLoss",
    "HDF5Data",
    "HDF5Output",
    "HingeLoss",
    "ImageData",
    "InnerProduct",
    "Input",
    "PhotoSketchData",
    "Pooling",
    "Python",
    "ReLU",
    "SigmoidCrossEntropyLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "Split",
]
