"""Storage that survives the machine: backups of a home elsewhere, and their restoring."""
