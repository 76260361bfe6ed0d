"""From a data set to a fold: filters, then a splitter, with the counts of what was excluded and why."""
