"""The process set up for many samples a second."""

import atexit
import gc
import sys

import cv2


def tune_for_shards() -> None:
    """Set up the whole process for making shards: for programs, not libraries.

    Call it when the libraries are imported and the networks are loaded: what is there by then is taken to stay.
    """
    # Samples are encoded side by side; threads within one would only get in the way.
    cv2.setNumThreads(1)
    # The networks' threads ask for the interpreter's lock after every operation: let nobody keep it for long.
    sys.setswitchinterval(5e-4)
    # What the libraries made on import stays: walking through it again and again would stop all threads.
    gc.collect()
    gc.freeze()
    # At the end it goes with all else: a library whose objects are still there then says that they leaked.
    atexit.unregister(gc.unfreeze)
    atexit.register(gc.unfreeze)
