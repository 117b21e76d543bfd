-- Twin of facets/attributes for ClickHouse.
SELECT attribute.1 AS name, attribute.2 AS value, count() AS "rows"
FROM (
    SELECT attribute_map
    FROM rows_
    WHERE {where}
      AND notEmpty(attribute_map)
      AND timestamp >= (
        SELECT min(timestamp)
        FROM (
            SELECT timestamp
            FROM rows_
            WHERE {where}
              AND notEmpty(attribute_map)
            ORDER BY timestamp DESC
            LIMIT {newest:Int64}
        )
      )
    ORDER BY timestamp DESC
    LIMIT {newest:Int64}
)
ARRAY JOIN CAST(attribute_map AS Array(Tuple(String, String))) AS attribute
WHERE lengthUTF8(value) BETWEEN 1 AND {longest:Int64}
  AND NOT startsWith(name, 'obs.')
GROUP BY name, value
