"""The sections of the response module's panel."""
