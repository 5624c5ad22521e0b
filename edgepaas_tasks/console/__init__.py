"""What a person, or a CI's log, sees while a task runs; how errors become messages and exit codes."""
