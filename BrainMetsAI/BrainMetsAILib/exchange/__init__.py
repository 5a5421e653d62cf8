"""CSV tables, pictures and the report."""
