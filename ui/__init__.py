"""The two faces of the product: the command line and the web page."""
