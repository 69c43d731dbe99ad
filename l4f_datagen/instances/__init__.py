"""Who says which objects an image shows: detectors with masks as ONNX files, and what a detector wrote elsewhere.

Objects are instances, not connected parts of a mask: two that touch are two.
"""
