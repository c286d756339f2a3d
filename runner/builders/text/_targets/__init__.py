"""What turning texts into others is made of: tokens of both sides, the loss, writing, and what is measured of it."""
