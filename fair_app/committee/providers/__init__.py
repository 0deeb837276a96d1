"""Who answers for a teacher: a file a provider, each with a `build(spec, access)`."""
