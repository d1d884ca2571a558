"""Citation marks, verbatim quotes, and whether passages support a sentence."""
