-- Answers: the ids of all rows that may contain a text (see engine.search_text); every row that contains it is included.
-- Reach: analytical
-- Parameters: group VARCHAR, process VARCHAR, status VARCHAR, kind VARCHAR (null: any), plain VARCHAR, hex VARCHAR
-- Reads: rows_(id, process, status, kind, folded_process, folded_data, folded_data_value, folded_exception)
-- Returns: id BIGINT
SELECT id
FROM rows_
WHERE ($process IS NULL OR process = $process)
  AND ($status IS NULL OR status = $status)
  AND ($kind IS NULL OR kind = $kind)
  AND (
       contains(folded_data, $plain) OR contains(folded_data, $hex) OR folded_data = 'L'
    OR contains(folded_process, $plain) OR contains(folded_process, $hex) OR folded_process = 'L'
    OR contains(folded_data_value, $plain) OR contains(folded_data_value, $hex) OR folded_data_value = 'L'
    OR contains(folded_exception, $plain) OR contains(folded_exception, $hex) OR folded_exception = 'L'
  )
ORDER BY id
