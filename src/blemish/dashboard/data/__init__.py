"""The page ``/data``: the sets, how they are split, and what validation refuses.

==================  ==============================================================
data_page           the layout
set_browser         the images of a set with their masks, and its statistics
set_facts           a set in numbers, and what it lacks
opened_image        one image, large, over the page
label_suggestions   which labels to check, which photographs to label next
set_checks          the files that validation would refuse
generator_preview   what a changed parameter of the generator draws
==================  ==============================================================
"""
