"""Instances, measurements and the lesion list."""
