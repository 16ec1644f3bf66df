"""What happened: kept, queued, forwarded, and collected at head office. Imports neither of the others."""
