"""Bare entry point for older tools; all metadata lives in pyproject.toml."""

from setuptools import setup

setup()
