"""The prediction log, what it says about drift, and the alarms that follow.

==================  ==================================================================
schema              the tables, as SQLAlchemy sees them
database            opens a database by URL and brings its tables up to date (Alembic)
prediction_log      a prediction as a row, and the log that stores batches of them
rollups             the counts by minute and hour that keep the page fast
log_writer          the thread between a server that must not wait and the log
image_store         the images as files by SHA-256, bounded in days and bytes
queries             sums over a range of time, as the Monitor page asks for them
logged_predictions  statistics of the newest predictions, and the versions in use
prediction_search   single predictions: found by a filter, page by page
housekeeping        what a writer does between batches
retention           what is deleted, and when
parquet             the log as a Parquet file
drift               whether the images still look like those of training
webhook             alarms that go out, signed and tried again
alarms              the rules, and the history of when they held
==================  ==================================================================
"""
