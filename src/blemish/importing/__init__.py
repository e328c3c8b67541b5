"""Importing a set of photographs from the layouts that people have."""
