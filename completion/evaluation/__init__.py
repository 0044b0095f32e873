"""Comparing methods on complete faces: metrics, intervals, report, the command complete-evaluate."""
