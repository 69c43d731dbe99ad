"""ONNX files: segmenters are written as them, and those of others are checked before a runtime opens them."""
