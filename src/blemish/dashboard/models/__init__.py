"""The page ``/models``: what is registered, where it comes from, which version is live.

==================  ==============================================================
models_page         the layout: champion and table of versions
version_details     lineage, decision of the gate, history
champion_moves      promote and roll back
==================  ==============================================================
"""
