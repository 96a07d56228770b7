"""Networks as static pages: onnxruntime-web runs the exported file in the browser."""
