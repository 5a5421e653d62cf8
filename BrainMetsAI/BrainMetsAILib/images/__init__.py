"""Reading, sequences, geometry, resampling and intensity of volumes."""
