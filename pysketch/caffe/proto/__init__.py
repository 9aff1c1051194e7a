"""pycaffe's `caffe.proto`: Caffe's message types, in `caffe_pb2`. Start reading there."""

from pysketch.caffe.proto import caffe_pb2

__all__ = ["caffe_pb2"]
