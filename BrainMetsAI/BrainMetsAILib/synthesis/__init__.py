"""Lesions with known truth: practice cases, pairs and training material."""
