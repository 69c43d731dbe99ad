"""Segmenters as ONNX files, and ONNX files looked into."""
