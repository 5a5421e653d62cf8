"""Everything that reads or writes MRML nodes."""
