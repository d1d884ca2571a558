"""Reports of evaluation runs: pages, texts and charts."""
