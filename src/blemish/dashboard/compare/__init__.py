"""The page ``/``: two versions on the same images.

==================  ==============================================================
compare_page        the layout: which versions, on which images
image_sources       where the images come from, and uploads
version_pair        the two versions, loaded
model_comparison    both on one collection, image by image, in the background
background_job      work in a thread of its own
job_progress        how far such a job is
threshold_levels    what is marked at every threshold of a slider
compared_images     an image at two thresholds
fair_images         images that neither version was fitted to
comparison_cache    what comparisons keep between reruns
comparison_view     what the numbers, the list and the report are of
point_controls      thresholds and filters
image_filters       which images are looked at
decision_summary    escapes and false alarms, and the matrix
paired_metrics      metrics of a comparison with their intervals
point_saving        a threshold, saved as a candidate
image_review        the list of images and the panes
scored_jobs         two scoring jobs over the same images, instead of two versions
image_list          the list, its counter, buttons and keys
curve_tabs          curves, and what the versions are
comparison_charts   the charts
version_trials      all versions on the same images, in the background
versions_table      all versions against the champion, set by set
comparison_report   a comparison as one HTML file
==================  ==============================================================
"""
