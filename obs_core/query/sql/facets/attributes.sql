-- Answers: the attributes of the newest matching rows with their values (numbers, texts and booleans), and how many rows
--   have each; without the attributes that the product itself adds, and without the elements of lists.
-- Reach: narrow
-- Parameters: newest BIGINT (rows that are counted), longest BIGINT (characters of a value)
-- Returns: name VARCHAR, value VARCHAR, rows BIGINT
SELECT
    attribute.key AS name,
    CASE attribute.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(attribute.value AS TEXT) END AS value,
    count(*) AS "rows"
FROM (
    SELECT attributes
    FROM {rows}
    WHERE {where}
      AND attributes IS NOT NULL
    ORDER BY timestamp DESC
    LIMIT :newest
) AS newest
CROSS JOIN json_each(CASE WHEN json_valid(newest.attributes) THEN newest.attributes ELSE '{}' END, '$.attributes') AS attribute
WHERE attribute.type IN ('true', 'false', 'integer', 'real', 'text')
  AND typeof(attribute.key) = 'text'
  AND length(attribute.value) BETWEEN 1 AND :longest
  AND attribute.key NOT LIKE 'obs.%'
GROUP BY 1, 2
