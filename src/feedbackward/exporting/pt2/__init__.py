"""Reading .pt2 files as data: torch.export.load would unpickle some of their entries and evaluate others as Python."""
