"""Images that people bring: folders, tars and Parquet files of them, each a numbered list."""
