"""The acceptance rule and human decisions: pure functions on plain rows."""
