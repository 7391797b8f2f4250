"""Events to records that cannot be changed unseen, and records to reports."""
