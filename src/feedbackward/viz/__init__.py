"""Visualization: tables and diagrams of encoder and decoder, masks in color, overlays, charts."""
