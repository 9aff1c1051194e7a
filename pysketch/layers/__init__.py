"""All layers. Importing this package registers them; a new layer is one file here and one line below."""

from pysketch.layers.absval import AbsVal
from pysketch.layers.accuracy import Accuracy
from pysketch.layers.batch_norm import BatchNorm
from pysketch.layers.bias import Bias
from pysketch.layers.bnll import BNLL
from pysketch.layers.concat import Concat
from pysketch.layers.convolution import Convolution
from pysketch.layers.crop import Crop
from pysketch.layers.deconvolution import Deconvolution
from pysketch.layers.dropout import Dropout
from pysketch.layers.dummy_data import DummyData
from pysketch.layers.eltwise import Eltwise
from pysketch.layers.elu import ELU
from pysketch.layers.euclidean_loss import EuclideanLoss
from pysketch.layers.exp import Exp
from pysketch.layers.flatten import Flatten
from pysketch.layers.generative_discriminative_loss import GenerativeDiscriminativeLoss
from pysketch.layers.hdf5_data import HDF5Data
from pysketch.layers.hdf5_output import HDF5Output
from pysketch.layers.hinge_loss import HingeLoss
from pysketch.layers.image_data import ImageData
from pysketch.layers.inner_product import InnerProduct
from pysketch.layers.input import Input
from pysketch.layers.log import Log
from pysketch.layers.lrn import LRN
from pysketch.layers.mvn import MVN
from pysketch.layers.parameter import Parameter
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.layers.pooling import Pooling
from pysketch.layers.power import Power
from pysketch.layers.prelu import PReLU
from pysketch.layers.python import Python
from pysketch.layers.reduction import Reduction
from pysketch.layers.relu import ReLU
from pysketch.layers.reshape import Reshape
from pysketch.layers.scale import Scale
from pysketch.layers.sigmoid import Sigmoid
from pysketch.layers.sigmoid_cross_entropy_loss import SigmoidCrossEntropyLoss
from pysketch.layers.silence import Silence
from pysketch.layers.slice import Slice
from pysketch.layers.softmax import Softmax
from pysketch.layers.softmax_with_loss import SoftmaxWithLoss
from pysketch.layers.split import Split
from pysketch.layers.tanh import TanH

__all__ = [
    "BNLL",
    "ELU",
    "LRN",
    "MVN",
    "AbsVal",
    "Accuracy",
    "BatchNorm",
    "Bias",
    "Concat",
    "Convolution",
    "Crop",
    "Deconvolution",
    "Dropout",
    "DummyData",
    "Eltwise",
    "EuclideanLoss",
    "Exp",
    "Flatten",
    "GenerativeDiscriminativeLoss",
    "HDF5Data",
    "HDF5Output",
    "HingeLoss",
    "ImageData",
    "InnerProduct",
    "Input",
    "Log",
    "PReLU",
    "Parameter",
    "PhotoSketchData",
    "Pooling",
    "Power",
    "Python",
    "ReLU",
    "Reduction",
    "Reshape",
    "Scale",
    "Sigmoid",
    "SigmoidCrossEntropyLoss",
    "Silence",
    "Slice",
    "Softmax",
    "SoftmaxWithLoss",
    "Split",
    "TanH",
]
