"""What detectors share in training and in use: pictures as they read them, boxes out of what they give."""
