"""report.html: one file that shows a run and its model, readable offline and without scripts."""
