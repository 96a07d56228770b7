"""Networks behind HTTP: the API of `feedbackward serve`, which the page of `feedbackward app` uses too."""
