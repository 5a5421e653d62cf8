"""The sections of the panel, one class and one .ui file each."""
