"""The one way from examples to a trained network, behind the command line and GDClassifier."""
