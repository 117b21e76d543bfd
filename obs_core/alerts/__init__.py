"""What is stuck, what is wrong, and who gets told: rules, their judgement, the ledger of flips, deliveries."""
