-- Answers: the newest calls of one function, with what they returned.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), function VARCHAR, size BIGINT
-- Returns: timestamp BIGINT, status VARCHAR, data_type VARCHAR, data_value VARCHAR, exception VARCHAR,
--   duration_ms DOUBLE, trace_id VARCHAR, span_id VARCHAR
SELECT
    timestamp, status, data_type, substr(data_value, 1, 2000) AS data_value, substr(exception, 1, 2000) AS exception,
    duration_ns / 1e6 AS duration_ms, trace_id, span_id
FROM {calls}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND coalesce(nullif(function, ''), data) = :function
  AND (:group IS NULL OR process_group = :group)
ORDER BY timestamp DESC
LIMIT :size
