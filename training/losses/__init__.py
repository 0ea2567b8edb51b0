"""What training minimises, one task per file: a value per sample, whatever else is in the batch.

Every sample is divided by what is known of it, and counts like any other. So a batch that is spread
over processes or over several passes has the loss of the whole: a mean of means would not.
"""
