"""Three rule-based teachers that need no key and no network: always called offline, simulated."""
