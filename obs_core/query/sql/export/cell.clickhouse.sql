-- Twin of export/cell for ClickHouse.
SELECT
    multiIf(
        {name:String} = 'data_value', data_value,
        {name:String} = 'exception', exception,
        {name:String} = 'exception_stack', exception_stack,
        {name:String} = 'attributes', attributes,
        NULL
    ) AS cell
FROM rows_
WHERE id = {id:Int64}
LIMIT 1
