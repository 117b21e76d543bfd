-- Answers: the rows that fit the filter after (after_ns, after_id) and up to (edge_ns, edge_id), in order of time.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT,
--   group VARCHAR (null: all), status VARCHAR (null: all), process VARCHAR (null: all), kind VARCHAR (null: all),
--   pattern VARCHAR (LIKE, null: all), folded VARCHAR (casefolded text, null: all),
--   after_ns BIGINT, after_id BIGINT (null: from the first), edge_ns BIGINT, edge_id BIGINT (null: to the last),
--   last_id BIGINT
-- Returns: kind VARCHAR, process VARCHAR, data VARCHAR, timestamp BIGINT, process_group VARCHAR, data_type VARCHAR,
--   data_value VARCHAR, status VARCHAR, exception VARCHAR, trace_id VARCHAR, span_id VARCHAR, parent_span_id VARCHAR,
--   function VARCHAR, exception_stack VARCHAR, duration_ns BIGINT, memory_delta BIGINT, code_id BIGINT, run_id BIGINT,
--   attributes VARCHAR
SELECT
    kind, process, data, timestamp, process_group, data_type, data_value, status, exception, trace_id, span_id,
    parent_span_id, function, exception_stack, duration_ns, memory_delta, code_id, run_id, attributes
FROM {rows}
WHERE timestamp >= :from_ns AND timestamp < :to_ns
  AND (:group IS NULL OR process_group = :group)
  AND (:status IS NULL OR status = :status)
  AND (:process IS NULL OR process = :process)
  AND (:kind IS NULL OR kind = :kind)
  AND (:pattern IS NULL OR process LIKE :pattern ESCAPE '\' OR data LIKE :pattern ESCAPE '\'
       OR data_value LIKE :pattern ESCAPE '\' OR exception LIKE :pattern ESCAPE '\')
  AND (:folded IS NULL OR instr(casefold(process), :folded) OR instr(casefold(data), :folded)
       OR instr(casefold(data_value), :folded) OR instr(casefold(exception), :folded))
  AND (:after_id IS NULL OR (timestamp, id) > (:after_ns, :after_id))
  AND (:edge_id IS NULL OR (timestamp, id) <= (:edge_ns, :edge_id))
  AND id <= :last_id
ORDER BY timestamp, id
