"""The shared lake: the rows of several hosts in one DuckLake, a PostgreSQL catalogue of Parquet files at an S3 API."""
