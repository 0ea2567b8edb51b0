"""From the samples of one data set to lines of a table and to what a report shows. No drawing."""
