"""The page ``/monitor``: what the line does now, and whether it needs a person.

===================  ==============================================================
monitor_page         the layout, the numbers on top, the alarms
traffic_charts       requests, defect rate, latency, errors over time
prediction_controls  which predictions: verdict, version, key, time
latest_predictions   the newest predictions as images with their defects
opened_prediction    one prediction, large, with its heatmap and all that was logged
drift_section        whether the images still look like those of training
===================  ==============================================================
"""
