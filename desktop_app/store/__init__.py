"""What is kept on disk: profiles, settings, the history of jobs, undelivered answers. SQLite is known here only."""
