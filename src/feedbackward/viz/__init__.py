"""Pictures and explanations: diagrams of encoder and decoder, masks in color, overlays, charts."""
