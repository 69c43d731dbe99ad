"""Checkpoints written in another form: as native folders, in rosinality's layout, as ONNX files."""
