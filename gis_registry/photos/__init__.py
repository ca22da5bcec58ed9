"""Photos: evidence of reports and cases, kept as they were and shown without metadata."""
