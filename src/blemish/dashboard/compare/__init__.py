"""The page ``/``: two versions on the same images.

==================  ==============================================================
compare_page        the layout: which versions, on which images
version_pair        the two versions, loaded
model_comparison    both on one collection, image by image, in the background
paired_metrics      metrics of a comparison with their intervals
metric_summary      the strip on top, curves, what the versions are
comparison_charts   the charts
image_review        the list of images and the panes
scored_jobs         two scoring jobs over the same images, instead of two versions
comparison_report   a comparison as one HTML file
==================  ==============================================================
"""
