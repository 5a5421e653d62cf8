"""CSV tables, label maps, pictures, the report and its text."""
