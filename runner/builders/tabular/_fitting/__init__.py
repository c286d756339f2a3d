"""From a split table to fitted learners, measured beside baselines, and stored."""
