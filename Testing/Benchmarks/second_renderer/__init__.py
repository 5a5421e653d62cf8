"""The second lesion renderer, reserved for testing: shares nothing with `BrainMetsAILib.synthesis`, and training never sees it."""
