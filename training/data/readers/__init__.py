"""One file per data set: from its folder to samples."""
