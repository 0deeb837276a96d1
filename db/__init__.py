"""The store: SQLite through sqlite-utils. SQL stands only here."""
