"""A street scene from a seed: the plan of a street, what stands and moves there, the light and the camera."""
