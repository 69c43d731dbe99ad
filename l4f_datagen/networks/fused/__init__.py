"""Foreground, background and alpha in one pass for GPUs: one convolution and one sweep over memory a layer."""
