"""The shared lake: the rows of several hosts in one DuckLake, a PostgreSQL catalogue with Parquet files behind an S3 API."""
