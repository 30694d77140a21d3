"""TFDS 4.9.10 sorts splits of more than 1000 MiB through files that it opens with TensorFlow: here they are opened without.

Seen in tensorflow_datasets.core.shuffle: `_Bucket` calls tf.io.gfile.GFile, exists and remove, and catches
tf.errors.ResourceExhaustedError; nothing else of TensorFlow is used there. Where TensorFlow is installed nothing changes.
"""

import contextlib
import importlib.util
import os
import types
from collections.abc import Iterator

KEYS = 1 << 128                                                  # a shuffler's keys, evenly dealt to its buckets


class _NeverRaised(Exception):
    """In place of an error that plain files do not have."""

    message = ""


def tensorflow_is_there() -> bool:
    return importlib.util.find_spec("tensorflow") is not None


@contextlib.contextmanager
def large_splits_without_tensorflow() -> Iterator[None]:
    """While it lasts, splits of any size can be written."""
    if tensorflow_is_there():
        yield
        return
    from tensorflow_datasets.core import shuffle

    files = types.SimpleNamespace(GFile=open, exists=os.path.exists, remove=os.remove)
    before = shuffle.tf
    shuffle.tf = types.SimpleNamespace(io=types.SimpleNamespace(gfile=files),
                                       errors=types.SimpleNamespace(ResourceExhaustedError=_NeverRaised))
    try:
        yield
    finally:
        shuffle.tf = before


def ordered_key(number: int, count: int) -> int:
    """The key of the number-th of `count` records where shuffling is off: ascending, and as many in each bucket, since a
    bucket is read back into memory whole."""
    return number * (KEYS // count)
