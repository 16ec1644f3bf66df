"""The other end: receives what the stores send, keeps it, and lets the data team pull it."""
