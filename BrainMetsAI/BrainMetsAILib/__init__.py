"""What BrainMetsAI's modules and command line share."""
