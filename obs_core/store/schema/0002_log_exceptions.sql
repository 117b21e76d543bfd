-- Log records that tell an exception, by the call that they belong to. Only they pay for it.
CREATE INDEX idx_told ON data_trace (trace_id, parent_span_id) WHERE kind = 'log' AND exception IS NOT NULL
