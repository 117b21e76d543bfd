-- Answers: one long text of a row, whole.
-- Reach: narrow
-- Parameters: id BIGINT, name VARCHAR (of the column)
-- Returns: cell VARCHAR
SELECT
    CASE :name
        WHEN 'data_value' THEN data_value
        WHEN 'exception' THEN exception
        WHEN 'exception_stack' THEN exception_stack
        WHEN 'attributes' THEN attributes
    END AS cell
FROM {rows}
WHERE id = :id
