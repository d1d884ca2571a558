"""Answers questions over a store of report passages, with citations."""

import os

# Read when the libraries are imported: else Chroma and onnxruntime tell their makers of their use.
os.environ |= {"ANONYMIZED_TELEMETRY": "False", "ORT_DISABLE_TELEMETRY": "1"}
