-- Twin of overview/first_seen for ClickHouse.
SELECT
    timestamp, {function_name} AS "function", substringUTF8(exception, 1, 500) AS exception,
    if(
        lengthUTF8(exception_stack) > 4000,
        concat(substringUTF8(exception_stack, 1, 1000), '\n', substringUTF8(exception_stack, -3000)),
        exception_stack
    ) AS stack,
    CAST(NULL AS Nullable(String)) AS version
FROM calls
WHERE status = 'ERROR'
  AND ({type:String} = '' OR position(exception, {type:String}) > 0 OR position(exception_stack, {type:String}) > 0)
ORDER BY timestamp, id
