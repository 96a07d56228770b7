"""One file for each layout: find(root) returns its samples, or None if the folder has another layout."""
