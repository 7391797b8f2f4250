"""The gate: reference to judgement to admission."""
