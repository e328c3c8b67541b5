"""The dashboard: one module for each page, widgets only; beside them what pages share.

=============  ==================================================================
app            what Streamlit runs
frame          title, navigation, the links between pages
edge           no error leaves a page other than as a sentence
compare        the page ``/``
monitor        the page ``/monitor``
models         the page ``/models``
data           the page ``/data``
choice         widgets whose value stands in the address
cache          what is kept between reruns, keyed by content
albums         where pictures come from: the store, a set, uploads
contest        two versions on one album, image by image, in the background
verdicts       figures of a contest with their intervals
viewer         panes that zoom and move together
charts         the charts, for light and dark
report         a comparison as one file
=============  ==================================================================
"""
