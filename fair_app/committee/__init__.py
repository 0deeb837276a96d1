"""Teachers, their prompts, the collector and peer review."""
