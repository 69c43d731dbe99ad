"""Files that hold many photographs: tars, zips, Parquet files, and shards of our own."""
