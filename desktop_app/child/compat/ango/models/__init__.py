"""Classes of the published client that scripts build answers and label sets with."""
