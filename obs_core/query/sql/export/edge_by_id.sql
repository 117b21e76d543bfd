-- Answers: the last row, by id, of a piece of `size` rows after after_id; none if fewer rows are left.
-- Reach: narrow
-- Parameters: after_id BIGINT (null: from the first), last_id BIGINT, size BIGINT
-- Returns: id BIGINT
SELECT id
FROM {rows}
WHERE (:after_id IS NULL OR id > :after_id) AND id <= :last_id
ORDER BY id
LIMIT 1 OFFSET :size - 1
