-- Answers: how many rows fit the filter, counting no further than most.
-- Reach: narrow
-- Parameters: from_ns BIGINT, to_ns BIGINT, group VARCHAR (null: all), status VARCHAR (null: all),
--   process VARCHAR (null: all), kind VARCHAR (null: all), pattern VARCHAR (LIKE, null: all),
--   folded VARCHAR (casefolded text, null: all), most BIGINT
-- Returns: rows BIGINT
SELECT count(*) AS "rows"
FROM (
    SELECT 1
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
    LIMIT :most
)
