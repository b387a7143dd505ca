"""A failure: what a test that failed left, told to somebody who has only the report."""
