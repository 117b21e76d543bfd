-- The same tables and columns under the names that code and documentation use; all rows stay.
ALTER TABLE judged RENAME TO evaluated;
ALTER TABLE evaluated RENAME COLUMN id TO up_to_id;
ALTER TABLE evaluated RENAME COLUMN moment_ns TO evaluated_ns;

ALTER TABLE flip RENAME TO transition;
ALTER TABLE transition RENAME COLUMN moment_ns TO timestamp_ns;
DROP INDEX idx_flip;
CREATE UNIQUE INDEX idx_transition ON transition (rule, labels, timestamp_ns, state_from, state_to);

ALTER TABLE met RENAME TO seen_exception;
ALTER TABLE seen_exception RENAME COLUMN word TO exception;

ALTER TABLE delivery RENAME COLUMN flip_id TO transition_id;
ALTER TABLE delivery RENAME COLUMN receiver TO webhook;
ALTER TABLE delivery RENAME COLUMN next_try_ns TO next_attempt_ns;

ALTER TABLE webhook RENAME COLUMN made_ns TO created_ns;
ALTER TABLE webhook RENAME COLUMN seen TO last_transition_id;

ALTER TABLE delivery_group RENAME COLUMN receiver TO webhook;
ALTER TABLE delivery_group RENAME COLUMN first_try_ns TO first_attempt_ns;

-- The state is the JSON of obs_core.alerts.deliver.grouping.Group.
UPDATE delivery_group SET state = json_remove(
    json_set(
        state,
        '$.alerts', json_extract(state, '$.members'),
        '$.sent_ns', json_extract(state, '$.told_ns'),
        '$.sent_firing', json_extract(state, '$.told_firing'),
        '$.sent_resolved', json_extract(state, '$.told_resolved'),
        '$.unconfirmed_firing', json_extract(state, '$.tried_firing')
    ),
    '$.members', '$.told_ns', '$.told_firing', '$.told_resolved', '$.tried_firing'
);
