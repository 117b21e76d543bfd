-- Twin of export/last for ClickHouse: the highest id that the second of the newest row can have.
SELECT bitShiftLeft(intDiv({last_ns:Int64}, 1000000000) + 1, 27) - 1 AS id
