"""How good a network is: lesion by lesion, with confidence intervals, in tables that a model card can take over."""
