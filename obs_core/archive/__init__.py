"""The archive of a log: its older rows as immutable Parquet files, which cost a question what its window holds."""
