"""Labelled images as files, in folders, tars and Parquet files: found, paired by their names, and read."""
