"""Defects as changes of a workpiece, drawn by chance, and which part of them shows."""
