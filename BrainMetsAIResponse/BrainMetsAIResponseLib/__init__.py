"""Baseline to follow-up: registration, tracking, criteria and their panel."""
