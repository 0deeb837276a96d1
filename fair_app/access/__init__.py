"""Who somebody is, and what they may do: roles, accounts, sessions, links to look, the audit."""
