"""What was captioned, kept in a database: off unless a server is given one."""
